"""What table `tasks` tells of doubles, without a server."""

from pathlib import Path

from alignbench.annotation.pushing.ledger import Ledger
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace


def task(project_id: int, task_id: int, sentence_id: str, state: TaskState) -> Task:
    return Task(
        server="s",
        project_id=project_id,
        task_id=task_id,
        sentence_id=sentence_id,
        round="1",
        purpose=Purpose.LABEL,
        state=state,
        version=1,
    )


def test_a_sentence_that_is_confirmed_twice_is_a_double_wherever_it_stands(tmp_path: Path) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    there, gone = TaskState.CONFIRMED, TaskState.INTENDED
    rows = [
        task(1, 1, "a", there), task(2, 2, "a", there), task(3, 3, "b", there),
        task(3, 4, "c", gone), task(4, 5, "c", there), task(5, 6, "d", there),
        task(5, 7, "d", there),
    ]  # fmt: skip
    workspace.table(TASKS).append(rows, "run")
    projects = Ledger(workspace, "s", "1").projects
    doubled = {number for number, project in projects.items() if project.has_doubles}
    assert doubled == {1, 2, 5}
    assert Ledger(workspace, "s", "another").projects == {}
