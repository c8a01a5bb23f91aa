"""Who is offered which task on the real server: gold, excluded answers, withdrawn images."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pulling.pull import pull
from alignbench.annotation.pushing.overlap import adjust_overlap
from alignbench.annotation.rounds.withdrawal import (
    exclude_annotator,
    withdraw_annotator,
    withdraw_image,
)
from alignbench.schemas.rows.annotation import RoundSentence, Task
from alignbench.schemas.tables import ANNOTATIONS, ROUND_SENTENCES, SENTENCES, TASKS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, TaskState, Verdict
from tests.annotation.push_stage import options, push_all, reopened
from tests.annotation.workspaces import Prepared, prepare

Token = Callable[[str], str]


class PushedRound:
    """A pushed workspace, one answer a sentence, and who is offered what."""

    def __init__(self, prepared: Prepared, server: LabelStudioServer, token: Token) -> None:
        self.prepared = prepared
        self.server = server
        self.token = token
        push_all(prepared, server, options(answers=1))

    def tasks(self) -> list[Task]:
        rows = self.prepared.workspace.table(TASKS).rows()
        confirmed = [row for row in rows if row.state is TaskState.CONFIRMED]
        return sorted(confirmed, key=lambda row: row.task_id or 0)

    def next_task(self, name: str) -> int | None:
        """The task that the label stream offers, as "Label tasks as displayed" asks for it."""
        [project] = {row.project_id for row in self.tasks()}
        response = httpx.post(
            f"{self.server.url}/api/dm/actions",
            params={"id": "next_task", "project": project},
            json={"ordering": [], "filters": {"conjunction": "and", "items": []}},
            headers={"Authorization": f"Token {self.token(name)}"},
            timeout=60,
        )
        return response.json()["id"] if response.status_code == 200 else None

    def answer(self, name: str, task_id: int | None) -> None:
        assert task_id is not None
        submit_answer(self.server.url, self.token(name), task_id, Verdict.CORRECT)

    def pull(self) -> None:
        pull(reopened(self.prepared).workspace, self.server, "test")

    def adjust(self) -> tuple[int, int]:
        return adjust_overlap(reopened(self.prepared).workspace, self.server, 1)


@pytest.fixture
def pushed(root: Path, server: LabelStudioServer, annotator_tokens: Token) -> PushedRound:
    return PushedRound(prepare(root, images=2), server, annotator_tokens)


def test_a_second_annotator_gets_sentences_in_order_and_none_that_is_complete(
    pushed: PushedRound,
) -> None:
    ids = [row.task_id for row in pushed.tasks()]
    pushed.answer("ann", ids[0])
    pushed.answer("ann", ids[2])
    assert pushed.next_task("bob") == ids[1]
    assert pushed.adjust() == (0, 0)


def test_answers_of_the_excluded_are_asked_for_again_of_others_only(pushed: PushedRound) -> None:
    ids = [row.task_id for row in pushed.tasks()]
    for task in ids:
        pushed.answer("ann", task)
    pushed.pull()
    assert pushed.next_task("bob") is None
    exclude_annotator(pushed.prepared.workspace, "ann@example.org", "guesses", "test")
    assert pushed.adjust() == (6, 0)
    assert pushed.adjust() == (0, 0)
    assert pushed.next_task("ann") is None
    assert pushed.next_task("bob") == ids[0]
    for task in ids:
        pushed.answer("bob", task)
    assert pushed.next_task("carl") is None


def test_gold_is_offered_to_everybody(pushed: PushedRound, root: Path) -> None:
    prepared = prepare(root / "gold", images=1)
    [first, *_] = prepared.workspace.table(SENTENCES).rows()
    row = RoundSentence(round="1", sentence_id=first.sentence_id, purpose=Purpose.GOLD)
    prepared.workspace.table(ROUND_SENTENCES).append([row], "test")
    gold = PushedRound(prepared, pushed.server, pushed.token)
    [task] = [row for row in gold.tasks() if row.purpose is Purpose.GOLD]
    assert gold.adjust() == (0, 0)
    for name in ("ann", "bob", "carl"):
        offered = gold.next_task(name)
        while offered not in (None, task.task_id):
            gold.answer(name, offered)
            offered = gold.next_task(name)
        assert offered == task.task_id
        gold.answer(name, offered)


def test_tasks_of_a_withdrawn_image_are_offered_to_nobody(pushed: PushedRound) -> None:
    sentences = {row.sentence_id: row for row in pushed.prepared.workspace.table(SENTENCES).rows()}
    tasks = pushed.tasks()
    image = sentences[tasks[0].sentence_id].image_id
    withdraw_image(pushed.prepared.workspace, image, "asked", "test")
    assert pushed.adjust() == (0, 3)
    assert pushed.adjust() == (0, 0)
    others = [row.task_id for row in tasks if sentences[row.sentence_id].image_id != image]
    assert pushed.next_task("ann") == others[0]


def test_a_pull_keeps_nothing_of_what_somebody_says_who_has_withdrawn(pushed: PushedRound) -> None:
    ids = [row.task_id for row in pushed.tasks()]
    pushed.answer("ann", ids[0])
    pushed.pull()
    withdraw_annotator(pushed.prepared.workspace, "ann@example.org", "asked", "test")
    pushed.answer("ann", ids[1])
    pushed.pull()
    rows = list(reopened(pushed.prepared).workspace.table(ANNOTATIONS).rows())
    assert [row.status for row in rows] == [AnnotationStatus.WITHDRAWN] * 2
    assert [row.verdict for row in rows] == [None, None]
    parts = pushed.prepared.workspace.table(ANNOTATIONS).part_names()
    pushed.pull()
    assert pushed.prepared.workspace.table(ANNOTATIONS).part_names() == parts
    assert pushed.adjust() == (2, 0)
