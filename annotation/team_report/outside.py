"""What was changed by others than those whose work it is, or past the pages that are for it.

The tables know what a pull or a push came upon. What has happened since, the server is asked:
tasks and answers that are gone, and tasks that were taken back and are offered again.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.queues import unkept_tasks
from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import Project, projects_of
from alignbench.annotation.pulling.known_answers import KnownAnswers
from alignbench.schemas.tables import ANNOTATIONS, QUARANTINE, TASKS
from alignbench.schemas.vocabulary import AnnotationStatus, TaskState
from alignbench.workspace.workspace import Workspace

COLUMNS: Final = pa.schema(
    [
        ("what", pa.string()), ("annotator", pa.string()), ("detail", pa.string()),
        ("project", pa.int64()), ("task", pa.int64()), ("seen_at", pa.string()),
    ]
)  # fmt: skip

_DOUBTS: Final = {
    Doubt.EDITED: "answer edited by somebody else",
    Doubt.NOT_ASKED: "answer to somebody else's question",
    Doubt.CHANGED_TASK: "task shows another sentence",
    Doubt.UNKNOWN_TASK: "task that was not sent from here",
    Doubt.DELETED: "answer in quarantine deleted",
}


def changes_from_outside(workspace: Workspace, server: LabelStudioServer | None) -> pa.Table:
    """Returns what was changed from outside, a row each.

    Args:
        workspace: Whose tasks and answers.
        server: Asked what has happened since; None tells what the tables know.

    Raises:
        AlignBenchError: The server cannot be asked.
    """
    rows = [*_set_aside(workspace), *_deleted_answers(workspace), *_disappeared(workspace)]
    if server is not None:
        rows += _on_server(workspace, server)
    return pa.Table.from_pylist(rows, COLUMNS)


def _row(
    what: str,
    project: int,
    *,
    task: int | None = None,
    annotator: str | None = None,
    detail: str = "",
    seen_at: str | None = None,
) -> dict[str, object]:
    return {
        "what": what, "annotator": annotator, "detail": detail, "project": project, "task": task,
        "seen_at": seen_at,
    }  # fmt: skip


def _set_aside(workspace: Workspace) -> Iterator[dict[str, object]]:
    for answer in workspace.table(QUARANTINE).rows():
        doubt = next((doubt for doubt in _DOUBTS if doubt.value == answer.code), None)
        if doubt is not None:
            yield _row(
                _DOUBTS[doubt],
                answer.project_id,
                task=answer.task_id,
                detail=answer.reason,
                seen_at=answer.updated_at.isoformat(" ", "seconds"),
            )


def _deleted_answers(workspace: Workspace) -> Iterator[dict[str, object]]:
    where = pc.field("status") == AnnotationStatus.DELETED.value
    set_aside = {
        (row.server, row.project_id, row.annotation_id)
        for row in workspace.table(QUARANTINE).rows()
    }
    for answer in workspace.table(ANNOTATIONS).rows(where):
        # One that went to quarantine counts as deleted in the table of answers.
        if (answer.server, answer.project_id, answer.annotation_id) not in set_aside:
            yield _row(
                "answer deleted",
                answer.project_id,
                task=answer.task_id,
                annotator=answer.annotator,
                detail=f"It said {answer.verdict}." if answer.verdict else "",
                seen_at=answer.updated_at.isoformat(" ", "seconds"),
            )


def _disappeared(workspace: Workspace) -> Iterator[dict[str, object]]:
    """Yields the tasks that a push found to be gone, and sent again."""
    where = (pc.field("state") == TaskState.INTENDED.value) & pc.field("task_id").is_valid()
    for task in workspace.table(TASKS).rows(where):
        yield _row(
            "task deleted",
            task.project_id,
            task=task.task_id,
            annotator=task.assignee,
            detail="Its sentence was sent again.",
        )


def _on_server(workspace: Workspace, server: LabelStudioServer) -> Iterator[dict[str, object]]:
    here = pc.field("server") == server.identity
    where = here & (pc.field("state") == TaskState.CONFIRMED.value)
    columns = ["project_id", "task_id", "assignee", "server", "state", "round"]
    tasks = workspace.table(TASKS).read(columns, where)
    assignees: dict[int, dict[int, str | None]] = {}
    names = (tasks[name].to_pylist() for name in columns[:3])
    for project_id, task_id, assignee in zip(*names, strict=True):
        assignees.setdefault(project_id, {})[task_id] = assignee
    for project in projects_of(workspace, server.identity, tasks):
        yield from _in_project(project, server, assignees[project.project_id])
    for unkept in unkept_tasks(workspace, server):
        annotator = assignees.get(unkept.project_id, {}).get(unkept.task_id)
        what = "closed task opened again"
        if unkept.should_be_offered:
            what = "open task closed"
        yield _row(what, unkept.project_id, task=unkept.task_id, annotator=annotator,
                   detail="The next push puts it right.")  # fmt: skip


def _in_project(
    project: Project, server: LabelStudioServer, sent: Mapping[int, str | None]
) -> Iterator[dict[str, object]]:
    counts = server.counts(project.project_id)
    owner = next(iter(sent.values()))
    if counts is None:
        yield _row("project deleted", project.project_id, annotator=owner,
                   detail=f"{len(sent):,} tasks were in it.")  # fmt: skip
        return
    if counts.tasks < len(sent):
        there = {task.task_id for task in server.listed_tasks(project.project_id)}
        for task_id in sorted(sent.keys() - there):
            yield _row("task deleted", project.project_id, task=task_id, annotator=sent[task_id],
                       detail="The next push sends its sentence again.")  # fmt: skip
    gone = KnownAnswers(project).count() - counts.answers
    if gone > 0:
        yield _row("answers deleted", project.project_id, annotator=owner,
                   detail=f"{gone:,} fewer than were pulled.")  # fmt: skip
