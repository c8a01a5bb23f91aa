"""One stream over a lease, and what happens when something breaks it."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.engine.errors import BackendContractError, BackendFailedError
from alignbench.engine.lease import work_lease
from alignbench.engine.stage import Failed, Made, Outcome, Stage
from alignbench.schemas.errors import AlignBenchError, TransientError
from alignbench.schemas.vocabulary import StageName


class Scripted(Stage):
    """Takes items in batches of 4, a table ahead, and does with each key what the script says."""

    name: ClassVar[StageName] = StageName.PROMPTS
    writes: ClassVar[Any] = ()
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, script: dict[str, list[Exception]] | None = None) -> None:
        self.script = {key: list(errors) for key, errors in (script or {}).items()}
        self.tried: list[str] = []
        self.streams = self.open_streams = 0

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        return iter(())

    def done(self) -> pa.Table:
        return pa.table({"key": [], "scope": []})

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        self.streams += 1
        self.open_streams += 1
        assert self.open_streams == 1, "Two streams at once would read the same items."
        try:
            batch: list[str] = []
            for key in (key for table in items for key in table["key"].to_pylist()):
                batch.append(key)
                if len(batch) == 4:
                    yield from self._batch(batch)
                    batch = []
            yield from self._batch(batch)
        finally:
            self.open_streams -= 1

    def _batch(self, keys: list[str]) -> Iterator[Outcome]:
        for key in keys:
            self.tried.append(key)
            if self.script.get(key):
                raise self.script[key].pop(0)
        yield from (Made(key, []) for key in keys)


def tables(count: int, rows: int = 5) -> Iterator[pa.Table]:
    keys = [f"{number:03d}" for number in range(count)]
    for start in range(0, count, rows):
        part = keys[start : start + rows]
        yield pa.table({"key": part, "scope": ["numbers"] * len(part)})


def never(_: str) -> bool:
    return False


def worked(stage: Stage, items: Iterator[pa.Table]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}

    def take(outcome: Outcome, scope: str) -> None:
        assert scope == "numbers"
        assert outcome.key not in found, "No item has two outcomes."
        found[outcome.key] = outcome

    work_lease(stage, items, take, never, something_worked=False)
    return found


def passing() -> TransientError:
    return TransientError("It is away.", "Wait.")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def test_a_lease_is_one_stream_and_batches_run_over_its_tables() -> None:
    stage = Scripted()
    assert len(worked(stage, tables(23))) == 23
    assert stage.streams == 1
    assert stage.tried == [f"{number:03d}" for number in range(23)]


def test_after_a_passing_fault_only_what_was_in_flight_is_tried_again() -> None:
    stage = Scripted({"009": [passing(), passing()]})
    assert len(worked(stage, tables(20))) == 20
    assert stage.streams == 3
    again = [key for key in set(stage.tried) if stage.tried.count(key) > 1]
    assert sorted(again) == ["008", "009"], "What was finished is not asked for twice."


def test_a_fault_that_does_not_pass_ends_the_run_with_what_was_finished_kept() -> None:
    stage = Scripted({"009": [passing() for _ in range(9)]})
    kept: list[str] = []
    with pytest.raises(TransientError):
        work_lease(
            stage,
            tables(20),
            lambda outcome, _: kept.append(outcome.key),
            never,
            something_worked=False,
        )
    assert kept == [f"{number:03d}" for number in range(8)]
    assert stage.tried.count("009") == 5


def test_faults_far_apart_are_not_counted_together() -> None:
    stage = Scripted({f"{number:03d}": [passing(), passing()] for number in range(0, 40, 4)})
    assert len(worked(stage, tables(40))) == 40


def test_an_unforeseen_exception_is_pinned_to_its_item_and_the_stream_goes_on() -> None:
    stage = Scripted({"006": [ZeroDivisionError("a bug") for _ in range(9)]})
    found = worked(stage, tables(60))
    [failed] = [outcome for outcome in found.values() if isinstance(outcome, Failed)]
    assert (failed.key, failed.failure.code) == ("006", "AB-F03")
    assert len(found) == 60
    assert stage.tried.count("059") == 1


class BreaksOn(Scripted):
    """Breaks on every batch that has such an item."""

    def __init__(self, bad: Callable[[str], bool]) -> None:
        super().__init__()
        self.bad = bad

    def _batch(self, keys: list[str]) -> Iterator[Outcome]:
        if any(map(self.bad, keys)):
            raise RuntimeError("CUDA error: unspecified launch failure")
        yield from super()._batch(keys)


@pytest.mark.parametrize(("first", "something_worked"), [("100", False), ("000", True)])
def test_a_backend_that_breaks_on_the_way_ends_the_run_and_no_item_is_blamed(
    first: str, something_worked: bool
) -> None:
    kept: list[Outcome] = []
    stage = BreaksOn(lambda key: key >= first)
    with pytest.raises(BackendFailedError, match=r"20 items in a row .* CUDA error"):
        work_lease(
            stage,
            tables(900),
            lambda outcome, _: kept.append(outcome),
            never,
            something_worked=something_worked,
        )
    assert len(kept) == int(first)
    assert not [outcome for outcome in kept if isinstance(outcome, Failed)]


def test_fewer_bad_items_in_a_row_are_blamed_once_something_works_behind_them() -> None:
    found = worked(BreaksOn(lambda key: "104" <= key < "120"), tables(200))
    assert len(found) == 200
    failed = [key for key, outcome in found.items() if isinstance(outcome, Failed)]
    assert failed == [f"{number:03d}" for number in range(104, 120)]


def test_the_first_items_are_blamed_so_that_no_run_is_stuck_at_them() -> None:
    found = worked(BreaksOn(lambda key: key < "040"), tables(60))
    assert sum(isinstance(outcome, Failed) for outcome in found.values()) == 40


def test_items_that_failed_before_say_nothing_of_the_backend() -> None:
    kept: list[str] = []
    stage = BreaksOn(lambda key: key < "040")
    work_lease(
        stage,
        tables(60),
        lambda outcome, _: kept.append(outcome.key),
        lambda _: True,
        something_worked=True,
    )
    assert len(kept) == 60


def test_an_item_that_gets_no_outcome_is_noticed() -> None:
    class Forgets(Scripted):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            return (outcome for outcome in super().work(items) if outcome.key != "003")

    with pytest.raises(BackendContractError, match="1 items were left without an outcome"):
        worked(Forgets(), tables(8))


def test_a_stage_that_stops_before_its_items_end_is_noticed() -> None:
    class Stops(Scripted):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            return super().work(iter([next(items)]))

    with pytest.raises(BackendContractError, match="Not all items were taken"):
        worked(Stops(), tables(20))


def test_an_outcome_that_nobody_asked_for_is_noticed() -> None:
    class Invents(Scripted):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            yield from super().work(items)
            yield Made("999", [])

    with pytest.raises(BackendContractError, match="999, which nobody is waiting for"):
        worked(Invents(), tables(8))


def test_an_error_in_reading_the_items_is_no_items_fault() -> None:
    def broken() -> Iterator[pa.Table]:
        yield from tables(5)
        raise ValueError("the listing is torn")

    with pytest.raises(ValueError, match="the listing is torn"):
        worked(Scripted(), broken())


def test_items_that_cannot_be_read_for_a_while_are_not_taken_for_the_end() -> None:
    def broken() -> Iterator[pa.Table]:
        yield from tables(5)
        raise passing()

    with pytest.raises(TransientError):
        worked(Scripted(), broken())


def test_an_error_in_keeping_an_outcome_is_no_items_fault() -> None:
    def take(outcome: Outcome, _: str) -> None:
        if outcome.key == "005":
            raise ValueError("no room in the table")

    with pytest.raises(ValueError, match="no room in the table"):
        work_lease(Scripted(), tables(20), take, never, something_worked=False)


def test_an_exception_after_the_last_outcome_is_not_hidden() -> None:
    class BreaksAtTheEnd(Scripted):
        def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
            yield from super().work(items)
            raise ZeroDivisionError("while closing")

    kept: list[str] = []
    with pytest.raises(ZeroDivisionError):
        work_lease(
            BreaksAtTheEnd(),
            tables(8),
            lambda outcome, _: kept.append(outcome.key),
            never,
            something_worked=False,
        )
    assert len(kept) == 8


class GoneError(AlignBenchError):
    code = "AB-F97"


@settings(max_examples=200, deadline=None)
@given(
    count=st.integers(1, 40),
    rows=st.integers(1, 12),
    bad=st.sets(st.integers(0, 39), max_size=6),
    passing_at=st.sets(st.integers(0, 39), max_size=6),
)
def test_whatever_breaks_every_item_gets_one_outcome_and_only_bad_ones_fail(
    count: int, rows: int, bad: set[int], passing_at: set[int]
) -> None:
    script: dict[str, list[Exception]] = {f"{n:03d}": [passing()] for n in passing_at}
    for number in bad:
        script[f"{number:03d}"] = [ZeroDivisionError("a bug") for _ in range(60)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenacity.nap.time.sleep", lambda _: None)
        found = worked(Scripted(script), tables(count, rows))
    assert sorted(found) == [f"{number:03d}" for number in range(count)]
    failed = {key for key, outcome in found.items() if isinstance(outcome, Failed)}
    assert failed == {f"{number:03d}" for number in bad if number < count}
