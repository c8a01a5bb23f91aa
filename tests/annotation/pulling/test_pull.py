"""Answers given through the real annotation API arrive exactly, and every change after them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from alignbench.annotation.errors import (
    Doubt,
    MissingProjectError,
    OtherServerError,
    SetBackServerError,
    TooManyDeletionsError,
)
from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.records import AnsweredTask, ImportedTask
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pulling.pull import PullReport, pull
from alignbench.schemas.rows.annotation import Annotation, Task
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, QUARANTINE, TASKS
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnswerFlag,
    HallucinationType,
    Purpose,
    TaskState,
    Verdict,
)
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.push_stage import options, push_all, reopened
from tests.annotation.workspaces import CAPTION, Prepared, prepare
from tests.fixtures.services import EmbeddedLabelStudio


class Round(NamedTuple):
    """A pushed workspace, and what an annotator or the operator can do on its server."""

    prepared: Prepared
    server: LabelStudioServer
    url: str
    operator: str
    token_of: Callable[[str], str]

    @property
    def workspace(self) -> Workspace:
        return self.prepared.workspace

    def tasks(self) -> dict[str, int]:
        """Task ids by sentence id, in the order of the round."""
        rows = self.workspace.table(TASKS).rows()
        confirmed = [row for row in rows if row.task_id is not None]
        in_order = sorted(confirmed, key=lambda row: row.task_id or 0)
        return {row.sentence_id: row.task_id for row in in_order if row.task_id is not None}

    def task(self, number: int) -> int:
        return list(self.tasks().values())[number]

    def project(self) -> int:
        return next(self.workspace.table(TASKS).rows()).project_id

    def answer(
        self, name: str, number: int, verdict: Verdict = Verdict.CORRECT, *spans: Span
    ) -> int:
        return submit_answer(
            self.url, self.token_of(name), self.task(number), verdict, spans, None, 2.5
        )

    def request(self, method: str, path: str, token: str, **body: object) -> httpx.Response:
        headers = {"Authorization": f"Token {token}"}
        response = httpx.request(method, f"{self.url}{path}", headers=headers, json=body or None)
        response.raise_for_status()
        return response

    def pull(self, accept_deletions: bool = False) -> PullReport:
        return pull(
            reopened(self.prepared).workspace,
            self.server,
            "test",
            accept_deletions=accept_deletions,
        )

    def rows(self) -> dict[int, Annotation]:
        return {row.annotation_id: row for row in self.workspace.table(ANNOTATIONS).rows()}

    def doubts(self) -> dict[int, str]:
        return {row.annotation_id: row.code for row in self.workspace.table(QUARANTINE).rows()}


@pytest.fixture
def pushed(
    root: Path,
    server: LabelStudioServer,
    label_studio: EmbeddedLabelStudio,
    annotator_tokens: Callable[[str], str],
) -> Round:
    prepared = prepare(root)
    push_all(prepared, server)
    return Round(prepared, server, label_studio.url, label_studio.token, annotator_tokens)


def test_answers_arrive_as_they_were_given(pushed: Round) -> None:
    start = CAPTION[1].index("a friend")
    friend = Span(start=start, end=start + 8, type=HallucinationType.OBJECT, text="a friend")
    first = pushed.answer("ann", 0)
    second = pushed.answer("ann", 1, Verdict.INCORRECT, friend)
    third = pushed.answer("bob", 1, Verdict.UNKNOWN)
    assert pushed.pull() == PullReport(new=3)
    rows = pushed.rows()
    assert set(rows) == {first, second, third}
    assert rows[second].spans == (friend,)
    assert rows[second].flags == ()
    assert [rows[number].verdict for number in (first, second, third)] == [
        Verdict.CORRECT,
        Verdict.INCORRECT,
        Verdict.UNKNOWN,
    ]
    assert {rows[number].annotator for number in (first, second)} == {"ann@example.org"}
    assert rows[third].annotator == "bob@example.org"
    assert rows[first].lead_seconds == 2.5
    assert list(pushed.tasks()).index(rows[second].sentence_id) == 1


def test_offsets_in_utf16_units_arrive_in_code_points(pushed: Round) -> None:
    start = CAPTION[1].index("a friend") + 1  # one emoji before it
    marked = Span(start=start, end=start + 8, type=HallucinationType.OBJECT, text="a friend")
    answer = pushed.answer("ann", 1, Verdict.INCORRECT, marked)
    pushed.pull()
    [span] = pushed.rows()[answer].spans
    assert CAPTION[1][span.start : span.end] == span.text == "a friend"
    assert pushed.rows()[answer].flags == ("offsets_repaired",)


def test_a_second_pull_writes_nothing(pushed: Round) -> None:
    pushed.answer("ann", 0)
    pushed.answer("ann", 1, Verdict.INCORRECT, _unprovable())
    assert pushed.pull().written == 2
    parts = [table.part_names() for table in pushed.workspace.tables()]
    report = pushed.pull()
    assert (report.written, report.unchanged) == (0, 1)  # only the doubtful one is read again
    assert [table.part_names() for table in pushed.workspace.tables()] == parts


@pytest.mark.parametrize("left", [None, b"{", b"[]", b'{"1": ["then", "now", 7]}'])
def test_what_was_read_is_read_again_where_the_note_of_it_is_lost(
    pushed: Round, left: bytes | None
) -> None:
    pushed.answer("ann", 0)
    pushed.pull()
    assert pushed.pull() == PullReport()
    [note] = pushed.workspace.store.list("cache/pull")
    if left is None:
        pushed.workspace.store.delete(note.key)
    else:
        pushed.workspace.store.write(note.key, left)
    assert pushed.pull() == PullReport(unchanged=1)
    assert pushed.pull() == PullReport()


def test_tables_older_than_the_note_of_what_was_read_get_what_they_miss(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    parts = set(pushed.workspace.table(ANNOTATIONS).part_names())
    result = [_verdict("unknown")]
    pushed.request("PATCH", f"/api/annotations/{answer}/", pushed.token_of("ann"), result=result)
    pushed.pull()
    [newer] = set(pushed.workspace.table(ANNOTATIONS).part_names()) - parts
    pushed.workspace.store.delete(f"tables/annotations/{newer}")
    assert pushed.pull() == PullReport(updated=1)


def test_an_empty_round_is_pulled_without_a_row(pushed: Round) -> None:
    assert pushed.pull() == PullReport()
    assert pushed.workspace.table(ANNOTATIONS).part_names() == []


def test_a_changed_answer_replaces_the_old_one(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    result = [_verdict("unknown")]
    pushed.request("PATCH", f"/api/annotations/{answer}/", pushed.token_of("ann"), result=result)
    assert pushed.pull() == PullReport(updated=1)
    assert pushed.rows()[answer].verdict is Verdict.UNKNOWN


def test_a_skip_is_kept_as_a_skip(pushed: Round) -> None:
    token, task = pushed.token_of("ann"), pushed.task(0)
    path = f"/api/tasks/{task}/annotations/"
    pushed.request("POST", path, token, result=[], was_cancelled=True)
    assert pushed.pull() == PullReport(new=1)
    [row] = pushed.rows().values()
    assert (row.status, row.verdict) == (AnnotationStatus.SKIPPED, None)
    assert pushed.pull().written == 0


def test_a_draft_is_not_an_answer(pushed: Round) -> None:
    path = f"/api/tasks/{pushed.task(0)}/drafts"
    pushed.request("POST", path, pushed.token_of("ann"), result=[_verdict("correct")])
    assert pushed.pull() == PullReport()


def test_an_answer_edited_by_somebody_else_counts_no_more(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    result = [_verdict("incorrect")]
    pushed.request("PATCH", f"/api/annotations/{answer}/", pushed.operator, result=result)
    report = pushed.pull()
    assert (report.updated, report.quarantined) == (1, {Doubt.EDITED: 1})
    assert pushed.rows()[answer].status is AnnotationStatus.DELETED
    assert pushed.doubts() == {answer: Doubt.EDITED}
    assert pushed.pull().written == 0


def test_an_unbelievable_answer_goes_to_quarantine_until_it_is_mended(pushed: Round) -> None:
    answer = pushed.answer("ann", 1, Verdict.INCORRECT, _unprovable())
    assert pushed.pull().quarantined == {Doubt.UNPROVABLE_SPAN: 1}
    assert pushed.rows() == {}
    result = [_verdict("incorrect")]
    pushed.request("PATCH", f"/api/annotations/{answer}/", pushed.token_of("ann"), result=result)
    assert pushed.pull() == PullReport(updated=1)
    assert pushed.rows()[answer].flags == ("spans_missing",)
    assert pushed.pull().written == 0


def test_an_answer_to_a_changed_task_is_believed_once_the_task_is_mended(pushed: Round) -> None:
    path = f"/api/tasks/{pushed.task(0)}/"
    token = pushed.operator
    data = pushed.request("GET", path + "?resolve_uri=false", token).json()["data"]
    pushed.request("PATCH", path, token, data={**data, "sentence": "Another sentence."})
    pushed.answer("ann", 0)
    assert pushed.pull().quarantined == {Doubt.CHANGED_TASK: 1}
    pushed.request("PATCH", path, token, data=data)
    assert pushed.pull() == PullReport(updated=1)
    assert len(pushed.rows()) == 1
    assert pushed.pull().written == 0


def test_a_foreign_task_s_answer_goes_to_quarantine(pushed: Round) -> None:
    data = ImportedTask(dict.fromkeys(("image", "sentence", "before", "after", "place"), "x"))
    [task] = pushed.server.import_tasks(pushed.project(), [data])
    submit_answer(pushed.url, pushed.token_of("ann"), task, Verdict.CORRECT)
    assert pushed.pull().quarantined == {Doubt.UNKNOWN_TASK: 1}
    assert pushed.pull().written == 0


class Killed(BaseException):
    """Ends a pull as a kill does."""


class DyingStore(LocalStore):
    """A store that dies at its nth write."""

    def __init__(self, root: Path, writes: int) -> None:
        super().__init__(root)
        self._left = writes

    def write(self, key: str, data: bytes) -> None:
        if not self._left:
            raise Killed
        self._left -= 1
        super().write(key, data)


@pytest.mark.parametrize("commit_answers", [1, 3, 100])
def test_a_pull_killed_at_any_write_misses_nothing(
    pushed: Round, monkeypatch: pytest.MonkeyPatch, commit_answers: int
) -> None:
    monkeypatch.setattr("alignbench.annotation.pulling.project_pull.COMMIT_ANSWERS", commit_answers)
    for number in (4, 2, 0):  # against the order of the tasks
        pushed.answer("ann", number, Verdict.INCORRECT, _unprovable())
        pushed.answer("bob", number)
    root = Path(pushed.workspace.url)
    deaths = 0
    for writes in range(100):
        store = DyingStore(root, writes % 2)
        try:
            pull(Workspace(store), pushed.server, "test", look_back=timedelta(0))
            break
        except Killed:
            deaths += 1
    assert deaths >= 2
    assert (len(pushed.rows()), len(pushed.doubts())) == (3, 3)
    pushed.answer("cid", 1)
    assert pushed.pull().new == 1


def test_a_project_that_was_not_read_to_its_end_is_read_whole_again(pushed: Round) -> None:
    for number in range(3):
        pushed.answer("ann", number)
    pushed.pull()
    [note] = pushed.workspace.store.list("cache/pull")
    assert pushed.pull() == PullReport()
    pushed.workspace.store.write(note.key, b'{"unfinished": true}')
    assert pushed.pull() == PullReport(unchanged=3)
    assert pushed.pull() == PullReport()


def test_an_answer_that_changes_while_the_project_is_read_whole_is_read_again(
    pushed: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pushed.answer("ann", 0), pushed.answer("ann", 3)
    usual = pushed.server.all_answered_tasks

    def interrupted(project_id: int) -> Iterator[AnsweredTask]:
        yield from usual(project_id)
        result = [_verdict("unknown")]
        token = pushed.token_of("ann")
        pushed.request("PATCH", f"/api/annotations/{first}/", token, result=result)

    monkeypatch.setattr(pushed.server, "all_answered_tasks", interrupted)
    assert pushed.pull() == PullReport(new=2, updated=1)
    assert pushed.rows()[first].verdict is Verdict.UNKNOWN
    assert pushed.rows()[second].verdict is Verdict.CORRECT
    assert pushed.pull() == PullReport()


def test_few_deletions_are_taken_over(pushed: Round) -> None:
    answers = [pushed.answer("ann", number % 6) for number in range(101)]
    pushed.pull()
    pushed.request("DELETE", f"/api/annotations/{answers[0]}/", pushed.token_of("ann"))
    assert pushed.pull() == PullReport(deleted=1, unchanged=16)
    assert pushed.rows()[answers[0]].status is AnnotationStatus.DELETED
    assert pushed.pull().written == 0


def test_many_deletions_stop_the_pull_until_they_are_accepted(pushed: Round) -> None:
    answers = [pushed.answer("ann", number) for number in range(2)]
    pushed.pull()
    pushed.request("DELETE", f"/api/annotations/{answers[0]}/", pushed.token_of("ann"))
    later = pushed.answer("bob", 3)
    with pytest.raises(TooManyDeletionsError, match=r"1 of 2 answers .*accept-deletions"):
        pushed.pull()
    assert pushed.rows()[answers[0]].status is AnnotationStatus.SUBMITTED
    assert later in pushed.rows()
    assert pushed.pull(accept_deletions=True).deleted == 1
    assert pushed.rows()[answers[0]].status is AnnotationStatus.DELETED
    assert pushed.pull().written == 0


def test_a_quarantined_answer_that_is_deleted_is_remembered_as_such(pushed: Round) -> None:
    answer = pushed.answer("ann", 1, Verdict.INCORRECT, _unprovable())
    pushed.pull()
    pushed.request("DELETE", f"/api/annotations/{answer}/", pushed.token_of("ann"))
    assert pushed.pull(accept_deletions=True).deleted == 1
    assert pushed.doubts() == {answer: Doubt.DELETED}
    assert pushed.pull().written == 0


def test_a_deleted_task_is_noticed_though_it_leaves_no_trace(pushed: Round) -> None:
    first, second = pushed.answer("ann", 0), pushed.answer("ann", 1)
    pushed.pull()
    pushed.request("DELETE", f"/api/tasks/{pushed.task(0)}/", pushed.operator)
    with pytest.raises(TooManyDeletionsError):
        pushed.pull()
    assert pushed.pull(accept_deletions=True).deleted == 1
    statuses = {number: row.status for number, row in pushed.rows().items()}
    assert statuses == {first: AnnotationStatus.DELETED, second: AnnotationStatus.SUBMITTED}


def test_an_answer_older_than_a_pull_looks_back_is_found_by_the_count(pushed: Round) -> None:
    pushed.answer("ann", 0)
    pushed.answer("ann", 1)
    pushed.pull()
    first, second = sorted(pushed.rows())
    newest = pushed.rows()[second]
    table = pushed.workspace.table(ANNOTATIONS)
    pushed.workspace.store.delete(f"tables/annotations/{table.part_names()[0]}")
    table.append([newest], "test")
    report = pull(
        reopened(pushed.prepared).workspace, pushed.server, "test", look_back=timedelta(0)
    )
    assert report.new == 1
    assert set(pushed.rows()) == {first, second}


def test_a_deleted_project_stops_the_pull_until_it_is_accepted(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    pushed.request("DELETE", f"/api/projects/{pushed.project()}/", pushed.operator)
    with pytest.raises(MissingProjectError, match=r"accept-deletions"):
        pushed.pull()
    assert pushed.rows()[answer].status is AnnotationStatus.SUBMITTED
    assert pushed.pull(accept_deletions=True) == PullReport(deleted=1)
    assert pushed.rows()[answer].status is AnnotationStatus.DELETED
    assert pushed.pull() == PullReport()
    assert push_all(reopened(pushed.prepared), pushed.server) == 6


def test_answers_of_a_project_that_is_gone_can_be_kept(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    pushed.request("DELETE", f"/api/projects/{pushed.project()}/", pushed.operator)
    with pytest.raises(MissingProjectError, match=r"keep-answers"):
        pushed.pull()
    workspace = reopened(pushed.prepared).workspace
    assert pull(workspace, pushed.server, "test", keep_answers=True) == PullReport()
    assert pushed.rows()[answer].status is AnnotationStatus.SUBMITTED
    assert pushed.pull() == PullReport()
    assert push_all(reopened(pushed.prepared), pushed.server) == 6


def test_answers_that_a_restored_database_does_not_know_are_kept(pushed: Round) -> None:
    pushed.answer("ann", 0)
    pushed.pull()
    # What a restored backup looks like: a task is as it was before an answer that we have.
    [row] = pushed.rows().values()
    later = replace(
        row,
        annotation_id=row.annotation_id + 1000,
        task_id=pushed.task(1),
        sentence_id=next(key for key, task in pushed.tasks().items() if task == pushed.task(1)),
        updated_at=row.updated_at + timedelta(hours=1),
    )
    pushed.workspace.table(ANNOTATIONS).append([later], "test")
    for _ in range(2):
        with pytest.raises(SetBackServerError, match=r"AB-A24.*1 of them.*keep-answers"):
            pushed.pull()
    assert pushed.rows()[later.annotation_id].status is AnnotationStatus.SUBMITTED
    workspace = reopened(pushed.prepared).workspace
    assert pull(workspace, pushed.server, "test", keep_answers=True).deleted == 0
    kept = pushed.rows()[later.annotation_id]
    assert (kept.status, kept.flags) == (AnnotationStatus.SUBMITTED, (AnswerFlag.KEPT,))
    assert pushed.pull().written == 0
    new = pushed.answer("bob", 2)
    assert pushed.pull().new == 1
    assert new in pushed.rows()


def test_tasks_sent_after_the_backup_are_sent_again_and_their_answers_kept(pushed: Round) -> None:
    answer = pushed.answer("ann", 0)
    pushed.pull()
    for place in range(len(pushed.tasks())):
        pushed.request("DELETE", f"/api/tasks/{pushed.task(place)}/", pushed.operator)
    with pytest.raises(SetBackServerError, match="AB-A24"):
        pushed.pull()
    workspace = reopened(pushed.prepared).workspace
    assert pull(workspace, pushed.server, "test", keep_answers=True).deleted == 0
    assert pushed.pull().written == 0
    assert push_all(reopened(pushed.prepared), pushed.server) == 6
    assert pushed.rows()[answer].status is AnnotationStatus.SUBMITTED


def test_a_star_on_the_server_costs_nobody_their_vote(pushed: Round) -> None:
    answer = pushed.answer("ann", 0, Verdict.INCORRECT)
    pushed.pull()
    path = f"/api/annotations/{answer}/"
    pushed.request("PATCH", path, pushed.operator, ground_truth=True)
    assert pushed.pull().quarantined == {}
    row = pushed.rows()[answer]
    assert (row.status, row.verdict) == (AnnotationStatus.SUBMITTED, Verdict.INCORRECT)
    assert pushed.doubts() == {}
    assert pushed.pull().written == 0


def test_tasks_on_another_server_stop_the_pull(pushed: Round) -> None:
    table = pushed.workspace.table(TASKS)
    for name in table.part_names():
        pushed.workspace.store.delete(f"tables/tasks/{name}")
    task = _task_elsewhere()
    table.append([task], "test")
    with pytest.raises(OtherServerError, match=r"AB-A07"):
        pushed.pull()
    assert pushed.pull(accept_deletions=True) == PullReport()


def test_answers_to_a_push_that_was_killed_are_pulled(pushed: Round) -> None:
    intents = [row for row in pushed.workspace.table(TASKS).rows() if row.task_id is None]
    numbers = list(pushed.tasks().values())
    table = pushed.workspace.table(TASKS)
    for name in table.part_names():
        pushed.workspace.store.delete(f"tables/tasks/{name}")
    table.append(intents, "test")
    submit_answer(pushed.url, pushed.token_of("ann"), numbers[0], Verdict.CORRECT)
    assert pushed.pull() == PullReport(new=1)
    [row] = pushed.rows().values()
    assert row.task_id == numbers[0]


def test_an_answered_duplicate_is_kept_by_push_and_pulled(pushed: Round) -> None:
    task = pushed.task(0)
    path = f"/api/tasks/{task}/?resolve_uri=false"
    data = pushed.request("GET", path, pushed.operator).json()["data"]
    path = f"/api/projects/{pushed.project()}/import?return_task_ids=true"
    [copy] = pushed.request("POST", path, pushed.operator, data=data).json()["task_ids"]
    submit_answer(pushed.url, pushed.token_of("ann"), copy, Verdict.CORRECT)
    pushed.answer("bob", 0)
    assert push_all(reopened(pushed.prepared), pushed.server, options()) == 0
    rows = [row for row in pushed.workspace.table(TASKS).rows() if row.task_id in (task, copy)]
    assert {row.task_id for row in rows} == {task, copy}
    assert {row.state for row in rows} == {TaskState.CONFIRMED}
    assert pushed.pull() == PullReport(new=2)
    assert len({row.sentence_id for row in pushed.rows().values()}) == 1


def _verdict(word: str) -> dict[str, object]:
    value = {"choices": [word]}
    return {"from_name": "verdict", "to_name": "sentence", "type": "choices", "value": value}


def _unprovable() -> Span:
    return Span(start=0, end=3, type=HallucinationType.OBJECT, text="not there")


def _task_elsewhere() -> Task:
    return Task(
        server="another",
        project_id=1,
        task_id=1,
        sentence_id="sentence",
        round="1",
        purpose=Purpose.LABEL,
        state=TaskState.CONFIRMED,
        version=1,
    )
