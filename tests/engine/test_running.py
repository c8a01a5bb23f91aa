"""The engine: what is pending is done once, and whatever goes wrong, nothing is lost."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest

from alignbench.engine.errors import NothingWorksError, TooManyFailuresError
from alignbench.engine.items import scope_of
from alignbench.engine.pending import Plan
from alignbench.engine.stage import Limits, Made, Outcome
from alignbench.flows.runs.run import Run
from alignbench.schemas.errors import AlignBenchError, TransientError, UsageError
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.rows.runs import Failure
from alignbench.schemas.tables import FAILURES, PROMPTS
from alignbench.workspace.errors import StoreUnreachableError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.engine.number_stage import (
    BadNumberError,
    EmptyNumberError,
    NumberStage,
    open_numbers,
    run_numbers,
)


def made(run: Run) -> set[str]:
    return {row.prompt_id for row in run.workspace.table(PROMPTS).rows()}


def failures(run: Run) -> dict[str, Failure]:
    return {row.key: row for row in run.workspace.table(FAILURES).rows()}


def bad(*numbers: int):
    keys = {f"{n:08d}" for n in numbers}

    def behave(key: str) -> None:
        if key in keys:
            raise BadNumberError(key)

    return behave


def test_every_item_is_done_once_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    first = run_numbers(NumberStage(run, 100), run)
    assert (first.made, first.failed) == (100, 0)
    again = NumberStage(run, 100)
    second = run_numbers(again, run)
    assert second.items == 0
    assert again.worked_on == []
    assert second.summary() == "prompts: nothing to do"
    assert len(made(run)) == 100


def test_new_inputs_are_done_and_old_ones_are_not_done_again(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    run_numbers(NumberStage(run, 10), run)
    more = NumberStage(run, 15)
    assert run_numbers(more, run).made == 5
    assert len(more.worked_on) == 5


def test_a_failed_item_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 0.1")
    report = run_numbers(NumberStage(run, 100, bad(3)), run)
    assert (report.made, report.failed) == (99, 1)
    row = failures(run)["00000003"]
    assert (row.code, row.scope, row.attempts) == ("T02", "numbers", 1)
    assert run_numbers(NumberStage(run, 100), run).items == 0, "a failed item waits for retry"


def test_retry_does_failed_items_again_and_counts_the_attempts(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 1")
    run_numbers(NumberStage(run, 50, bad(3, 4)), run)
    report = run_numbers(NumberStage(run, 50, bad(4)), run, Limits(retry=True))
    assert (report.made, report.failed) == (1, 1)
    assert failures(run)["00000004"].attempts == 2
    assert len(made(run)) == 49


def test_too_large_a_share_of_failures_is_an_error_after_everything_was_tried(
    tmp_path: Path,
) -> None:
    run = open_numbers(tmp_path)
    with pytest.raises(TooManyFailuresError, match=r"AB-F01: prompts: 3 of 100 .* T02") as caught:
        run_numbers(NumberStage(run, 100, bad(50, 51, 52)), run)
    assert caught.value.exit_code == 1
    [report] = caught.value.reports
    assert report.made == 97


def test_an_empty_item_is_kept_apart_and_is_no_failure(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key < "00000050":
            raise EmptyNumberError

    run = open_numbers(tmp_path)
    report = run_numbers(NumberStage(run, 100, behave), run)
    assert (report.made, report.empty, report.failed) == (50, 50, 0)


def test_a_run_stops_early_when_the_first_items_all_fail(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        raise BadNumberError(key)

    run = open_numbers(tmp_path)
    stage = NumberStage(run, 10_000, behave)
    with pytest.raises(NothingWorksError, match="AB-F02"):
        run_numbers(stage, run)
    assert len(stage.worked_on) < 100


def test_one_item_that_makes_a_backend_raise_does_not_take_the_others_with_it(
    tmp_path: Path,
) -> None:
    def behave(key: str) -> None:
        if key == "00000077":
            raise ZeroDivisionError("a plug-in's own mistake")

    run = open_numbers(tmp_path, "max_failure_share = 0.05")
    report = run_numbers(NumberStage(run, 100, behave), run)
    assert (report.made, report.failed) == (99, 1)
    row = failures(run)["00000077"]
    assert row.code == "AB-F03"
    assert row.message == "ZeroDivisionError: a plug-in's own mistake"


def test_a_passing_fault_is_tried_again_without_doing_finished_items_twice(tmp_path: Path) -> None:
    raised: list[str] = []

    def behave(key: str) -> None:
        if key == "00000005" and len(raised) < 2:
            raised.append(key)
            raise TransientError("The server is away.", "Wait.")

    run = open_numbers(tmp_path)
    stage = NumberStage(run, 8, behave)
    assert run_numbers(stage, run).made == 8
    assert sorted(stage.worked_on) == sorted([f"{n:08d}" for n in range(8)] + ["00000005"] * 2)


def test_an_error_of_the_whole_backend_stops_the_run_and_keeps_what_was_committed(
    tmp_path: Path,
) -> None:
    class BackendGoneError(AlignBenchError):
        code = "AB-F99"

    def behave(key: str) -> None:
        if key == "00000060":
            raise BackendGoneError("It is gone.", "Bring it back.")

    run = open_numbers(tmp_path)
    with pytest.raises(BackendGoneError):
        run_numbers(NumberStage(run, 100, behave), run)
    kept = made(run)
    assert 0 < len(kept) <= 60
    assert run_numbers(NumberStage(run, 100), run).made == 100 - len(kept)


def test_a_limit_takes_so_many_and_the_next_run_goes_on(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    assert run_numbers(NumberStage(run, 100), run, Limits(limit=30)).made == 30
    assert run_numbers(NumberStage(run, 100), run, Limits(limit=30)).made == 30
    assert run_numbers(NumberStage(run, 100), run).made == 40


def test_an_input_named_twice_is_done_once_and_counted(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)

    class Twice(NumberStage):
        def inputs(self, keys_only: bool):
            yield from super().inputs(keys_only)
            yield from super().inputs(keys_only)

    stage = Twice(run, 20)
    report = run_numbers(stage, run)
    assert (report.made, report.duplicates) == (20, 20)
    assert len(stage.worked_on) == 20


def test_a_commit_is_one_part_of_so_many_rows(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "commit_rows = 500")
    report = run_numbers(NumberStage(run, 2100), run)
    assert report.commits == 5
    assert len(run.workspace.table(PROMPTS).part_names()) == report.commits


def test_a_commit_is_written_when_its_oldest_outcome_is_old_enough(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "commit_seconds = 0.05")
    parts: list[int] = []

    def behave(key: str) -> None:
        parts.append(len(run.workspace.table(PROMPTS).part_names()))
        if key == "00000010":
            wait_until = time.monotonic() + 0.06
            while time.monotonic() < wait_until:
                pass

    report = run_numbers(NumberStage(run, 20, behave), run)
    assert report.commits == 2
    assert parts == [0] * 11 + [1] * 9


def test_counts_tell_done_pending_failed_empty_and_not_selected(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key == "00000001":
            raise BadNumberError(key)
        if key == "00000002":
            raise EmptyNumberError

    run = open_numbers(tmp_path, "max_failure_share = 1")
    run_numbers(NumberStage(run, 10, behave), run)
    [counts] = Plan(NumberStage(run, 12), run.workspace).counts()
    assert (counts.done, counts.pending, counts.failed, counts.empty) == (8, 2, 1, 1)
    [fewer] = Plan(NumberStage(run, 5), run.workspace).counts()
    assert (fewer.done, fewer.not_selected) == (3, 5)


def test_a_retry_gets_past_items_that_stay_bad(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "max_failure_share = 1")
    run_numbers(NumberStage(run, 200, bad(*range(100, 160))), run)
    report = run_numbers(NumberStage(run, 200, bad(*range(100, 150))), run, Limits(retry=True))
    assert (report.made, report.failed) == (10, 50)


def test_a_limit_below_one_is_refused(tmp_path: Path) -> None:
    run = open_numbers(tmp_path)
    with pytest.raises(UsageError, match="AB-S01"):
        run_numbers(NumberStage(run, 10), run, Limits(limit=0))


class TwoModels(NumberStage):
    """The same numbers under two scopes, one after the other."""

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        for scope in ("first", "second"):
            for batch in super().inputs(keys_only):
                keys = [f"{scope[0]}{key}" for key in batch["key"].to_pylist()]
                yield pa.table({"key": keys, "scope": [scope] * len(keys)})


def test_a_second_model_that_fails_throughout_stops_the_run(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key.startswith("s"):
            raise BadNumberError(key)

    run = open_numbers(tmp_path)
    stage = TwoModels(run, 500, behave)
    with pytest.raises(NothingWorksError):
        run_numbers(stage, run)
    assert len(made(run)) == 500
    assert sum(key.startswith("s") for key in stage.worked_on) < 100


def test_each_model_is_fed_one_stream_over_all_its_commits(tmp_path: Path) -> None:
    run = open_numbers(tmp_path, "commit_rows = 50")
    streams: list[str] = []

    class Watched(TwoModels):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            scope, items = scope_of(items)
            streams.append(scope)
            return super().work(items)

    assert run_numbers(Watched(run, 500), run).commits == 20
    assert streams == ["first", "second"]


def test_what_was_done_before_an_error_of_the_whole_backend_is_kept(tmp_path: Path) -> None:
    class BackendGoneError(AlignBenchError):
        code = "AB-F98"

    def behave(key: str) -> None:
        if key == "00000007":
            raise BackendGoneError("It is gone.", "Bring it back.")

    run = open_numbers(tmp_path)
    with pytest.raises(BackendGoneError):
        run_numbers(NumberStage(run, 8, behave), run)
    assert len(made(run)) == 7


def test_a_full_disk_stops_the_run_and_marks_no_item_as_failed(tmp_path: Path) -> None:
    def behave(key: str) -> None:
        if key >= "00000020":
            raise OSError(errno.ENOSPC, "No space left on device")

    run = open_numbers(tmp_path)
    with pytest.raises(OSError, match="No space"):
        run_numbers(NumberStage(run, 100, behave), run)
    assert not failures(run)


@pytest.mark.parametrize("odd", [None, 7, "\ud800"])
def test_what_no_table_can_hold_takes_nothing_else_of_its_commit_with_it(
    tmp_path: Path, odd: object
) -> None:
    class Odd(NumberStage):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            for outcome in super().work(items):
                if isinstance(outcome, Made) and outcome.key == "00000007":
                    text = cast("str", odd)
                    row = Prompt(prompt_id=outcome.key, text=text, origin="numbers")
                    yield Made(outcome.key, [row])
                else:
                    yield outcome

    run = open_numbers(tmp_path, "max_failure_share = 0.1")
    report = run_numbers(Odd(run, 60), run)
    assert (report.made, report.failed, report.commits) == (59, 1, 1)
    assert len(made(run)) == 59
    row = failures(run)["00000007"]
    assert (row.code, row.scope) == ("AB-F16", "numbers")
    assert run_numbers(Odd(run, 60), run).items == 0


def test_a_backend_all_of_whose_outcomes_no_table_can_hold_is_stopped_early(
    tmp_path: Path,
) -> None:
    class Odd(NumberStage):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            for outcome in super().work(items):
                row = Prompt(prompt_id=outcome.key, text=cast("str", 7), origin="numbers")
                yield Made(outcome.key, [row])

    run = open_numbers(tmp_path, "commit_rows = 8")
    stage = Odd(run, 500)
    with pytest.raises(NothingWorksError, match="the first 24 items all failed"):
        run_numbers(stage, run)
    assert len(failures(run)) == len(stage.worked_on) == 24
    # A retry goes through: items that stay bad stand first.
    again = Odd(run, 500)
    with pytest.raises(TooManyFailuresError):
        run_numbers(again, run, Limits(retry=True))
    assert len(again.worked_on) == 24


class MovingStore(LocalStore):
    """A store that refuses a number of writes, as one does whose credentials ran out."""

    refusals = 0

    def write(self, key: str, data: bytes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreUnreachableError("The token has expired.", "Renew it.")
        super().write(key, data)


@pytest.fixture
def moving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MovingStore, Run]:
    """Such a store and a run on it, whose pauses take no time."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    store = MovingStore(tmp_path)
    run = open_numbers(tmp_path, "commit_rows = 10")
    return store, replace(run, workspace=Workspace(store))


def test_a_store_that_stays_away_ends_the_run_with_little_done_in_vain(
    moving: tuple[MovingStore, Run],
) -> None:
    store, run = moving

    def behave(key: str) -> None:
        if key == "00000050":
            store.refusals = 10**9

    stage = NumberStage(run, 2000, behave)
    with pytest.raises(StoreUnreachableError, match="The token has expired"):
        run_numbers(stage, run)
    assert len(stage.worked_on) <= 60
    store.refusals = 0
    assert len(made(run)) == 50
    assert run_numbers(NumberStage(run, 2000), run).made == 1950


def test_a_store_that_comes_back_costs_no_item_twice(moving: tuple[MovingStore, Run]) -> None:
    store, run = moving

    def behave(key: str) -> None:
        if key in ("00000015", "00000035"):
            store.refusals = 3

    stage = NumberStage(run, 100, behave)
    assert run_numbers(stage, run).made == 100
    assert len(stage.worked_on) == len(made(run)) == 100


KILLED = """
import os, signal, sys, time
from pathlib import Path
from tests.engine.number_stage import NumberStage, open_numbers, run_numbers
run = open_numbers(Path(sys.argv[1]), "commit_rows = 7")
def behave(key):
    if key == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
run_numbers(NumberStage(run, 60, behave), run)
"""


@pytest.mark.parametrize("fatal", ["00000000", "00000009", "00000059"])
def test_a_killed_run_goes_on_where_it_was_with_the_same_keys(tmp_path: Path, fatal: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), fatal],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    run = open_numbers(tmp_path)
    before = made(run)
    report = run_numbers(NumberStage(run, 60), run)
    assert report.made == 60 - len(before)
    assert made(run) == {f"{n:08d}" for n in range(60)}
    assert not failures(run)
