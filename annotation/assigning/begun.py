"""What somebody has begun, as the server knows it: that stays with them."""

from collections.abc import Collection

import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import TaskState
from alignbench.workspace.workspace import Workspace

COMING_NEXT = 20
"""So many of the next tasks in a queue count as begun: their page may be open, or loading."""
_AT_ONCE = 200


class BegunWork:
    """What people have begun in a round: answered since the last pull, drafted, or coming next."""

    def __init__(self, workspace: Workspace, server: LabelStudioServer, round_name: str) -> None:
        self._table = workspace.table(TASKS)
        self._server = server
        self._round = round_name

    def __call__(self, annotator: str, open_units: Collection[str]) -> set[str]:
        """Returns what somebody has begun of what is open for them.

        Raises:
            AlignBenchError: The server cannot be asked.
        """
        unit_of: dict[int, str] = {}
        answered: set[int] = set()
        drafted: set[int] = set()
        for project_id, tasks in self._tasks(annotator, open_units).items():
            if self._server.counts(project_id) is None:
                continue
            unit_of |= tasks
            listed = {task.task_id for task in self._server.listed_tasks(project_id)
                      if task.answered and task.task_id in tasks}  # fmt: skip
            answered |= listed
            drafted |= self._drafted(project_id, sorted(tasks.keys() - listed))
        coming = sorted(unit_of.keys() - answered)[:COMING_NEXT]
        return {unit_of[task_id] for task_id in answered.union(drafted, coming)}

    def _drafted(self, project_id: int, task_ids: list[int]) -> set[int]:
        return {
            task_id
            for start in range(0, len(task_ids), _AT_ONCE)
            for task_id in self._server.drafted_tasks(project_id, task_ids[start:][:_AT_ONCE])
        }

    def _tasks(self, annotator: str, open_units: Collection[str]) -> dict[int, dict[int, str]]:
        """Returns the units of a person's tasks by project and task."""
        where = pc.field("server") == self._server.identity
        where &= pc.field("round") == self._round
        where &= pc.field("assignee") == annotator
        where &= pc.field("state") == TaskState.CONFIRMED.value
        tasks: dict[int, dict[int, str]] = {}
        for row in self._table.rows(where):
            if row.task_id is not None and row.sentence_id in open_units:
                tasks.setdefault(row.project_id, {})[row.task_id] = row.sentence_id
        return tasks
