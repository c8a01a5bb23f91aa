"""A run whose items are shared out: each is done once, whoever dies, and memory stays flat."""

from collections import Counter
from pathlib import Path

import pytest

from alignbench.engine.errors import NothingWorksError, WorkerFailedError, WorkerLostError
from alignbench.engine.sharing import MOST_DEATHS
from alignbench.engine.stage import Limits
from alignbench.engine.watching import Watcher
from alignbench.schemas.rows.runs import StageRun
from alignbench.schemas.tables import STAGE_RUNS
from alignbench.workspace.errors import LockLostError
from tests.engine.number_stage import BadNumberError, EmptyNumberError, open_numbers
from tests.engine.test_running import bad, failures, made
from tests.engine.thread_crew import SharedNumbers, ThreadWorkforce, WorkerDies, run_shared


def test_every_item_is_done_once_by_one_of_the_workers(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 1")
    stage = SharedNumbers(run, 500, bad(7, 300))
    report = run_shared(stage, run, ThreadWorkforce())
    assert (report.made, report.failed, len(stage.worked_on)) == (498, 2, 500)
    assert len(made(run)) == 498
    assert failures(run).keys() == {"00000007", "00000300"}
    assert run_shared(SharedNumbers(run, 500), run, ThreadWorkforce()).items == 0


def test_a_stage_that_shares_nothing_is_done_here(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    stage = SharedNumbers(run, 10)
    stage.is_shareable = False
    workforce = ThreadWorkforce()
    assert run_shared(stage, run, workforce).made == 10
    assert workforce.crews == []


def test_no_worker_is_started_where_there_is_nothing_to_do(tmp_path: Path) -> None:
    workforce = ThreadWorkforce()
    run = open_numbers(tmp_path)
    run_shared(SharedNumbers(run, 0), run, workforce)
    assert workforce.crews == []


def test_few_shares_are_out_at_once_and_each_worker_gets_several(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "commit_rows = 10")
    workforce = ThreadWorkforce(3)
    report = run_shared(SharedNumbers(run, 2000), run, workforce)
    assert report.made == 2000
    assert workforce.crews[0].most_out == 6
    assert report.commits == 200, "a share is no larger than a commit"


def test_the_share_of_a_worker_that_died_is_done_by_another_less_what_was_committed(
    tmp_path: Path,
) -> None:
    died: list[str] = []

    def behave(key: str) -> None:
        if key == "00000025" and not died:
            died.append(key)
            raise WorkerDies
        if key == "00000003":
            raise BadNumberError(key)

    run = open_numbers(tmp_path, "commit_seconds = 0.0000001\nmax_failure_share = 1")
    stage = SharedNumbers(run, 200, behave)
    report = run_shared(stage, run, ThreadWorkforce(1))
    assert (report.made, report.failed) == (199, 1)
    assert len(made(run)) == 199
    again = {key for key, times in Counter(stage.worked_on).items() if times > 1}
    assert again == {"00000025"}, "what the dead worker had committed is not done again"
    assert failures(run)["00000003"].attempts == 1


def test_a_share_that_kills_every_worker_ends_the_run(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key == "00000150":
            raise WorkerDies

    run = open_numbers(tmp_path)
    stage = SharedNumbers(run, 200, behave)
    with pytest.raises(WorkerLostError, match="AB-F30"):
        run_shared(stage, run, ThreadWorkforce(1))
    assert stage.worked_on.count("00000150") == MOST_DEATHS
    assert len(made(run)) >= 100, "what others finished is kept"


def test_a_run_stops_early_when_the_first_items_all_fail(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        raise BadNumberError(key)

    run = open_numbers(tmp_path)
    stage = SharedNumbers(run, 10_000, behave)
    with pytest.raises(NothingWorksError, match="AB-F02"):
        run_shared(stage, run, ThreadWorkforce())
    assert len(stage.worked_on) < 1000


def test_failures_in_many_small_shares_stop_a_run_early_too(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        raise BadNumberError(key)

    run = open_numbers(tmp_path, "commit_rows = 2")
    stage = SharedNumbers(run, 1000, behave)
    with pytest.raises(NothingWorksError, match="AB-F02"):
        run_shared(stage, run, ThreadWorkforce())
    assert len(stage.worked_on) < 50


def test_bad_items_in_a_row_do_not_stop_a_run_of_which_others_worked(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 1")
    stage = SharedNumbers(run, 400, bad(*range(100, 150)))
    report = run_shared(stage, run, ThreadWorkforce(1))
    assert (report.made, report.failed) == (350, 50)


def test_retry_counts_attempts_over_workers(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 1")
    run_shared(SharedNumbers(run, 50, bad(3, 4)), run, ThreadWorkforce())
    stage = SharedNumbers(run, 50, bad(4))
    report = run_shared(stage, run, ThreadWorkforce(), Limits(retry=True))
    assert (report.made, report.failed) == (1, 1)
    assert failures(run)["00000004"].attempts == 2


def test_a_limit_holds_over_all_workers(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    report = run_shared(SharedNumbers(run, 500), run, ThreadWorkforce(), Limits(limit=30))
    assert report.made == 30 == len(made(run))


def test_empty_items_are_counted_apart(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key < "00000050":
            raise EmptyNumberError

    run = open_numbers(tmp_path)
    report = run_shared(SharedNumbers(run, 100, behave), run, ThreadWorkforce())
    assert (report.made, report.empty, report.failed) == (50, 50, 0)


def test_an_interrupted_run_keeps_what_its_workers_had_finished(tmp_path: Path) -> None:
    class Interrupting(Watcher):
        def advanced(self, items: int, failed: int) -> None:
            raise KeyboardInterrupt

    run = open_numbers(tmp_path)
    stage = SharedNumbers(run, 1000)
    with pytest.raises(KeyboardInterrupt):
        run_shared(stage, run, ThreadWorkforce(), watcher=Interrupting())
    assert len(made(run)) == len(stage.worked_on) < 1000


def test_an_error_of_the_backend_stops_all_workers_and_is_told(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key == "00000400":
            raise MemoryError("no room")

    run = open_numbers(tmp_path)
    with pytest.raises(WorkerFailedError, match=r"AB-F31: .* MemoryError: no room"):
        run_shared(SharedNumbers(run, 1000, behave), run, ThreadWorkforce())
    assert failures(run) == {}


def test_workers_write_nothing_once_the_run_has_lost_its_lock(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    stage = SharedNumbers(run, 100)

    def taken_over(key: str) -> None:
        (tmp_path / "locks" / f"{stage.name}.json").write_text('{"host": "another", "pid": 1}')

    stage._behaviour = taken_over
    with pytest.raises(LockLostError, match="AB-W05"):
        run_shared(stage, run, ThreadWorkforce(1))
    assert made(run) == set()


def test_what_workers_did_stands_in_rows_of_their_own(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    run_shared(SharedNumbers(run, 100), run, ThreadWorkforce())
    rows: list[StageRun] = list(run.workspace.table(STAGE_RUNS).rows())
    assert sum(row.made for row in rows) == 100
