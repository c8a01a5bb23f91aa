"""Scoring is a stage like any other: streams, failures, places, older workspaces, Prefect."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from alignbench.engine.errors import BackendContractError
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.evaluation.detectors.sentence_length import SentenceLengthDetector
from alignbench.evaluation.evaluate import Evaluation, Settings, report_scores
from alignbench.flows.evaluate import evaluate
from alignbench.flows.status import failure_rows, workspace_status
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import TransientError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.runs import Failure, Score
from alignbench.schemas.tables import FAILURES, SCORES
from alignbench.schemas.vocabulary import ScoreStatus
from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.evaluation.faulty import SomeFail, installed
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences

SENTENCES = made_sentences(300, 60)
IDS = set(SENTENCES.table["sentence_id"].to_pylist())
QUICK = Settings(figures=False)

Answers = Iterator[tuple[int, SentenceScore | ItemFailure]]


class Streaming(SentenceLengthDetector):
    """Scores a stream of sentences without looking at pixels."""

    def score_stream(self, requests: Iterator[ScoringRequest]) -> Answers:
        for place, request in enumerate(requests):
            yield place, SentenceScore(float(len(request.text)))


class DropsOne(Streaming):
    """Leaves the seventh sentence without an answer."""

    def score_stream(self, requests: Iterator[ScoringRequest]) -> Answers:
        return ((place, score) for place, score in super().score_stream(requests) if place != 6)


class NamesAWrongPlace(Streaming):
    """Answers a request that nobody made."""

    def score_stream(self, requests: Iterator[ScoringRequest]) -> Answers:
        return ((place + 1000, score) for place, score in super().score_stream(requests))


class Unsteady(SentenceLengthDetector):
    """Has a passing fault at its second batch, once."""

    calls: ClassVar[int] = 0

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        Unsteady.calls += 1
        if Unsteady.calls == 2:
            raise TransientError("The server is away.", "Wait.")
        return super().score(requests)


@pytest.fixture(autouse=True)
def _detectors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Unsteady.calls = 0
    with installed(
        monkeypatch,
        streaming=Streaming,
        drops_one=DropsOne,
        wrong_place=NamesAWrongPlace,
        unsteady=Unsteady,
        some_fail=SomeFail,
    ):
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("made") / "1.0.0", SENTENCES)


def run(release: Path, out: Path | None, name: str, settings: Settings = QUICK) -> Evaluation:
    return evaluate(str(release), [parse_detector(name)], out, settings)


def scores_in(root: Path) -> list[Score]:
    return list(Workspace(LocalStore(root)).table(SCORES).rows())


def failures_in(root: Path) -> list[Failure]:
    return list(Workspace(LocalStore(root)).table(FAILURES).rows())


def test_a_stream_that_reads_no_pixels_scores_every_sentence(release: Path, tmp_path: Path) -> None:
    assert run(release, tmp_path, "streaming").detectors[0].there.all()
    assert {row.sentence_id for row in scores_in(tmp_path)} == IDS
    assert not failures_in(tmp_path)


def test_a_stream_that_drops_an_answer_is_noticed_and_the_others_are_kept(
    release: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackendContractError, match=r"drops_one left 1 requests without an answer"):
        run(release, tmp_path, "drops_one")
    assert len(scores_in(tmp_path)) == 299


def test_a_stream_that_names_a_wrong_place_is_told_what_is_wrong(
    release: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackendContractError, match="request 1000, which nobody is waiting for"):
        run(release, tmp_path, "wrong_place")
    assert not scores_in(tmp_path)


def test_a_passing_fault_of_a_detector_is_waited_out(release: Path, tmp_path: Path) -> None:
    assert run(release, tmp_path, "unsteady").detectors[0].there.all()
    assert Unsteady.calls == 3


def test_a_failed_score_is_a_failure_like_any_other(release: Path, tmp_path: Path) -> None:
    done = run(release, tmp_path, "some_fail")
    failures = failures_in(tmp_path)
    assert {row.code for row in failures} == {"MY-01"}
    assert len(failures) + len(scores_in(tmp_path)) == 300
    assert done.detectors[0].status.count(ScoreStatus.FAILED) == len(failures) == 30


def test_failed_rows_of_an_older_version_count_as_failures_and_can_be_tried_again(
    release: Path, tmp_path: Path
) -> None:
    detector_id = PreparedDetector(parse_detector("sentence_length")).detector_id
    first = SENTENCES.table.select(["sentence_id", "image_id"]).to_pylist()[0]
    old = Score(
        **first, detector_id=detector_id, score=None, words=(), status=ScoreStatus.FAILED,
        note="AB-G63: It cannot be read.", seconds=None, release="made/1.0.0", attempts=2,
    )  # fmt: skip
    Workspace(LocalStore(tmp_path)).table(SCORES).append([old], "old run")
    [scored] = run(release, tmp_path, "sentence_length").detectors
    assert scored.there.sum() == 299
    assert scored.reasons == ("AB-G63: It cannot be read.",)
    [failure] = failures_in(tmp_path)
    assert (failure.code, failure.attempts) == ("AB-G63", 2)
    [scored] = run(release, tmp_path, "sentence_length", QUICK._replace(retry=True)).detectors
    assert scored.there.all()


def test_with_a_folder_of_its_own_an_evaluation_writes_nothing_into_the_workspace(
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    inside = write_release(workspace / "releases" / "made" / "1.0.0", SENTENCES)
    (workspace / "alignbench.toml").write_text('[[sources]]\nkind = "not installed here"\n')
    before = sorted(workspace.rglob("*"))
    run(inside, tmp_path / "out", "sentence_length")
    assert sorted(workspace.rglob("*")) == before
    assert (tmp_path / "out" / "locks" / "evaluate.json").is_file()


def test_a_second_evaluation_is_refused_until_the_first_has_written_its_report(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def reported(*arguments: Any) -> Evaluation:
        with pytest.raises(LockHeldError):
            run(release, out, "sentence_length")
        return report_scores(*arguments)

    monkeypatch.setattr("alignbench.flows.evaluate.report_scores", reported)
    assert run(release, out, "sentence_length").report.is_file()


def test_in_a_workspace_scores_are_kept_there_and_its_settings_hold(tmp_path: Path) -> None:
    inside = write_release(tmp_path / "releases" / "made" / "1.0.0", SENTENCES)
    (tmp_path / "alignbench.toml").write_text("[run]\ncommit_rows = 100\n")
    done = run(inside, None, "sentence_length")
    assert done.report == tmp_path / "evaluations" / "made" / "1.0.0" / "report.html"
    assert len(list((tmp_path / "tables" / "scores").iterdir())) == 3


def test_the_status_of_a_workspace_counts_scores_and_tells_why_some_are_missing(
    tmp_path: Path,
) -> None:
    inside = write_release(tmp_path / "releases" / "made" / "1.0.0", SENTENCES)
    (tmp_path / "alignbench.toml").write_text("")
    run(inside, None, "some_fail:name=faulty")
    [counts] = [each for each in workspace_status(str(tmp_path)).counts if each.stage == "evaluate"]
    assert (counts.scope, counts.done, counts.failed) == ("faulty", 270, 30)
    rows = [row for row in failure_rows(str(tmp_path)) if row.stage == "evaluate"]
    assert {(row.scope, row.code) for row in rows} == {("faulty", "MY-01")}
    assert len(rows) == 30


def test_a_release_near_the_root_of_a_disk_is_evaluated_in_the_current_folder(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short = Path("/tmp") / f"alignbench-test-{os.getpid()}"
    short.symlink_to(release)
    try:
        done = run(short, None, "sentence_length")
    finally:
        short.unlink()
    assert done.report == Path("evaluations", "made", "1.0.0", "report.html")


EVALUATE = """
import sys
import alignbench
done = alignbench.evaluate(
    sys.argv[1], [alignbench.parse_detector("sentence_length")], sys.argv[2],
    alignbench.Settings(figures=False),
)
assert done.detectors[0].there.all()
print(done.report)
"""


def test_with_a_prefect_server_an_evaluation_is_a_flow_run_with_a_task_for_each_commit(
    release: Path, tmp_path: Path, prefect_server: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVALUATE, str(release), str(tmp_path)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PREFECT_API_URL": prefect_server,
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "report.html")
    asked = {"flows": {"name": {"any_": ["evaluate"]}}, "sort": "START_TIME_DESC", "limit": 1}
    [flow_run] = httpx.post(f"{prefect_server}/flow_runs/filter", json=asked).json()
    assert flow_run["state_type"] == "COMPLETED"
    by_run = {"flow_runs": {"id": {"any_": [flow_run["id"]]}}}
    assert len(httpx.post(f"{prefect_server}/task_runs/filter", json=by_run).json()) == 1
    artifacts = httpx.post(f"{prefect_server}/artifacts/filter", json=by_run).json()
    assert {"evaluate-progress", "evaluate-report"} <= {artifact["key"] for artifact in artifacts}


@pytest.mark.parametrize("record", ["[", "[" * 100_000, "[1]", '{"detectors": [3]}'])
def test_a_record_that_was_changed_by_hand_names_no_detector(tmp_path: Path, record: str) -> None:
    inside = write_release(tmp_path / "releases" / "made" / "1.0.0", SENTENCES)
    (tmp_path / "alignbench.toml").write_text("")
    run(inside, None, "sentence_length")
    for path in tmp_path.glob("evaluations/**/evaluation.json"):
        path.write_text(record)
    [counts] = [each for each in workspace_status(str(tmp_path)).counts if each.stage == "evaluate"]
    assert len(counts.scope) == 12, "the beginning of its id"
