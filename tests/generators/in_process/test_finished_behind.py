"""What was made is finished beside the model, in order, and never more than a batch behind."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from alignbench.models.in_process.forward import finished_behind


def threads() -> set[str]:
    names = (thread.name for thread in threading.enumerate())
    return {name for name in names if name.startswith(("take", "finish"))}


def same(batch: Sequence[int]) -> list[int]:
    return list(batch)


def test_batches_come_in_order_and_only_the_last_is_smaller() -> None:
    found = list(finished_behind(iter(range(11)), 4, same, same))
    assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert list(finished_behind(iter(()), 4, same, same)) == []
    assert threads() == set()


def test_a_batch_is_finished_while_the_model_runs_the_next_one() -> None:
    second_runs, first_finished = threading.Event(), threading.Event()

    def run(batch: Sequence[int]) -> Sequence[int]:
        if batch[0] == 1:
            second_runs.set()
            assert first_finished.wait(20)
        return batch

    def finish(batch: Sequence[int]) -> int:
        if batch[0] == 0:
            assert second_runs.wait(20)
            first_finished.set()
        return batch[0]

    assert list(finished_behind(iter(range(3)), 1, run, finish)) == [0, 1, 2]


def test_the_model_is_at_most_two_batches_ahead_of_what_is_finished() -> None:
    made: list[int] = []
    ahead: list[int] = []

    def run(batch: Sequence[int]) -> int:
        made.append(batch[0])
        return batch[0]

    for finished in finished_behind(iter(range(20)), 1, run, int):
        ahead.append(len(made) - finished)
    assert max(ahead) == 2


def test_what_is_finished_does_not_wait_for_requests_that_depend_on_it() -> None:
    answered = threading.Event()

    def requests() -> Iterator[int]:
        yield 0
        assert answered.wait(20)
        yield 1

    found = []
    for finished in finished_behind(requests(), 1, same, same):
        found.append(finished)
        answered.set()
    assert found == [[0], [1]]


def test_a_fault_comes_after_the_batches_before_it() -> None:
    def run(batch: Sequence[int]) -> Sequence[int]:
        if batch[0] == 2:
            raise ZeroDivisionError
        return batch

    found: list[Sequence[int]] = []
    with pytest.raises(ZeroDivisionError):
        found.extend(finished_behind(iter(range(9)), 1, run, same))
    assert found == [[0], [1]]
    assert threads() == set()


def test_a_fault_of_the_requests_or_of_finishing_comes_through() -> None:
    def requests() -> Iterator[int]:
        yield from range(2)
        raise ConnectionError

    def unfinished(batch: Sequence[int]) -> None:
        raise OSError

    found: list[Sequence[int]] = []
    with pytest.raises(ConnectionError):
        found.extend(finished_behind(requests(), 2, same, same))
    assert found == [[0, 1]]
    with pytest.raises(OSError, match=r"^$"):
        list(finished_behind(iter(range(3)), 1, same, unfinished))
    assert threads() == set()


def test_closing_early_ends_both_threads_and_takes_no_more() -> None:
    taken: list[int] = []

    def requests() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    stream = finished_behind(requests(), 2, same, same)
    next(stream)
    stream.close()
    assert threads() == set()
    assert len(taken) <= 8
