"""Having the server offer what is assigned, and nothing else.

A task whose question is taken back is closed, never deleted: whoever has it open can still submit
it, and a vote that arrives so counts. What somebody opened again on the server is closed again.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.withdrawal import hidden_units
from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.rows.annotation import Assignment
from alignbench.schemas.tables import ASSIGNMENTS, TASKS
from alignbench.schemas.vocabulary import AssignmentState, TaskState
from alignbench.workspace.workspace import Workspace

_AT_ONCE = 500


class KeptQueues(NamedTuple):
    """How many tasks were changed on the server."""

    closed: int = 0
    opened: int = 0


class UnkeptTask(NamedTuple):
    """A task that is offered and should not be, or the other way round (`should_be_offered`)."""

    project_id: int
    task_id: int
    should_be_offered: bool


def close_withdrawn(workspace: Workspace, run_id: str) -> int:
    """Closes the open questions about withdrawn images, in every round; returns how many."""
    hidden = hidden_units(workspace)
    if not hidden:
        return 0
    is_open = pc.field("state") == AssignmentState.OPEN.value
    closed = [
        replace(row, state=AssignmentState.CLOSED, version=row.version + 1)
        for row in workspace.table(ASSIGNMENTS).rows(is_open)
        if row.unit_id in hidden
    ]
    workspace.table(ASSIGNMENTS).append(closed, run_id)
    return len(closed)


def keep_queues(
    workspace: Workspace, server: LabelStudioServer, *, fence: Fence = no_fence
) -> KeptQueues:
    """Closes and opens tasks on the server as table `assignments` has it.

    Args:
        workspace: Whose tasks.
        server: Where they are.
        fence: Asked before each change of a task.

    Raises:
        AlignBenchError: The server cannot be asked.
    """
    closed = opened = 0
    for _, task_id, offer in unkept_tasks(workspace, server):
        fence()
        server.set_offered(task_id, offered=offer)
        opened += offer
        closed += not offer
    return KeptQueues(closed, opened)


def unkept_tasks(workspace: Workspace, server: LabelStudioServer) -> Iterator[UnkeptTask]:
    """Yields the tasks that the server offers and should not, or the other way round.

    Raises:
        AlignBenchError: The server cannot be asked.
    """
    for project_id, wanted in _wanted(workspace, server.identity).items():
        if server.counts(project_id) is None:
            continue
        task_ids = sorted(wanted)
        for start in range(0, len(task_ids), _AT_ONCE):
            for task in server.offered(project_id, task_ids[start:][:_AT_ONCE]):
                offer = wanted[task.task_id]
                # One with an answer that no pull has brought yet is done, whatever it says here.
                if task.is_offered == offer or (offer and task.answers):
                    continue
                yield UnkeptTask(project_id, task.task_id, offer)


def _wanted(workspace: Workspace, server: str) -> dict[int, dict[int, bool]]:
    """Returns, by project and task, whether it is to be offered, where that may have changed."""
    offers = {
        (row.round, row.unit_id, row.annotator): row.state is AssignmentState.OPEN
        for row in _changed_rows(workspace)
    }
    wanted: defaultdict[int, dict[int, bool]] = defaultdict(dict)
    if not offers:
        return wanted
    where = (pc.field("server") == server) & pc.field("assignee").is_valid()
    where &= pc.field("state") == TaskState.CONFIRMED.value
    columns = ["round", "sentence_id", "assignee", "project_id", "task_id", "server", "state"]
    for batch in workspace.table(TASKS).scan(columns, where):
        for round_name, unit_id, assignee, project_id, task_id in zip(
            *(batch[name].to_pylist() for name in columns[:5]), strict=True
        ):
            offer = offers.get((round_name, unit_id, assignee))
            if offer is not None:
                wanted[project_id][task_id] = offer
    return wanted


def _changed_rows(workspace: Workspace) -> Iterator[Assignment]:
    """Yields the questions that were taken back, and those that are open for a second time."""
    is_closed = pc.field("state") == AssignmentState.CLOSED.value
    is_open_again = (pc.field("state") == AssignmentState.OPEN.value) & (pc.field("version") > 1)
    return workspace.table(ASSIGNMENTS).rows(is_closed | is_open_again)
