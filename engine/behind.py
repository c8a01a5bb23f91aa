"""What is done with a stream's answers in other threads, so that the model need not wait for it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

Answer = TypeVar("Answer")
Done = TypeVar("Done")

_THREADS: Final = 2
_MOST_WAITING: Final = 32


def done_behind(answers: Iterator[Answer], work: Callable[[Answer], Done]) -> Iterator[Done]:
    """Yields what `work` makes of each answer, in order, while further answers are taken.

    Args:
        answers: Taken in the caller's thread, at most some dozen ahead. Where taking them ends in
            an error, what was taken before is yielded first.
        work: Called in other threads; what it raises is raised here.
    """
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="behind") as threads:
        broken: Exception | None = None
        while True:
            try:
                answer = next(answers)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - raised below
                broken = error
                break
            waiting.append(threads.submit(work, answer))
            while waiting and (waiting[0].done() or len(waiting) > _MOST_WAITING):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if broken is not None:
            raise broken
