"""What the tables know of answers stays right whatever is noted, deleted and compacted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.annotation.errors import Doubt
from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.known_answers import KnownAnswers
from alignbench.schemas.rows.annotation import Annotation, QuarantinedAnnotation
from alignbench.schemas.tables import ANNOTATIONS, QUARANTINE
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 3


def task_of(answer_id: int) -> int:
    return answer_id % TASKS + 1


def believed(answer_id: int, minute: int) -> Annotation:
    return Annotation(
        server="s", project_id=1, annotation_id=answer_id, sentence_id="s", round="1",
        task_id=task_of(answer_id), purpose=Purpose.LABEL, annotator="a", verdict=Verdict.CORRECT,
        spans=(), status=AnnotationStatus.SUBMITTED, note=None, flags=(), preannotated_by=None,
        updated_by=None, text_sha256="", lead_seconds=None, annotated_at=START,
        updated_at=START + timedelta(minutes=minute, microseconds=1),
    )  # fmt: skip


def doubtful(answer_id: int, minute: int) -> QuarantinedAnnotation:
    return QuarantinedAnnotation(
        server="s", project_id=1, annotation_id=answer_id, task_id=task_of(answer_id),
        code=Doubt.MALFORMED, reason="", raw="{}", updated_at=START + timedelta(minutes=minute),
    )  # fmt: skip


def known_of(root: Path) -> KnownAnswers:
    return KnownAnswers(Project(Workspace(LocalStore(root)), "s", 1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["believe", "doubt", "delete", "compact"]), st.integers(1, 8)),
        max_size=30,
    )
)
def test_it_says_what_was_noted_last(steps: list[tuple[str, int]]) -> None:
    known = known_of(Path("/nonexistent"))
    expected: dict[int, tuple[datetime, bool]] = {}
    live: set[int] = set()
    for minute, (what, answer_id) in enumerate(steps):
        if what == "compact":
            known.compact()
        elif what == "delete":
            if answer_id in expected:
                assert known.note_deletion(answer_id) > expected[answer_id][0]
                live.discard(answer_id)
        else:
            make = believed if what == "believe" else doubtful
            row = make(answer_id, minute)
            known.note(row)
            expected[answer_id] = (row.updated_at, what == "believe")
            live.add(answer_id)
        assert known.count() == len(live)
        assert known.answered_tasks() == {task_of(answer_id) for answer_id in live}
        for task_id in range(1, TASKS + 1):
            assert known.live(task_id) == {n for n in live if task_of(n) == task_id}
    for answer_id, state in expected.items():
        assert (known[answer_id].updated_at, known[answer_id].is_believed) == state
    assert known.get(99) is None


def test_it_reads_back_what_is_in_the_tables(tmp_path: Path) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    retired = replace(believed(3, 4), status=AnnotationStatus.DELETED)
    workspace.table(ANNOTATIONS).append([believed(9, 1), believed(2, 7), retired], "run")
    workspace.table(QUARANTINE).append([doubtful(3, 5), doubtful(2, 6), doubtful(5, 8)], "run")
    known = known_of(tmp_path)
    assert known.newest == START + timedelta(minutes=7, microseconds=1)
    assert known.count() == 4
    assert [known[n].is_believed for n in (9, 2, 3, 5)] == [True, True, False, False]
    assert [known.is_retired(n) for n in (9, 2, 3, 5)] == [False, False, True, False]
    assert known[9].updated_at == START + timedelta(minutes=1, microseconds=1)
    assert [len(known.settled_answers(task)) for task in (1, 2, 3)] == [0, 0, 0]
    assert known.live(1) == {9, 3}
    known.note(believed(3, 9))
    assert len(known.settled_answers(1)) == 2
