"""Batches through a model: what comes before and after is done while it runs.

The next batch is prepared, and the last one finished, in threads beside the model. A batch that
does not fit into memory is halved.
"""

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar

import torch

from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

Request = TypeVar("Request")
Prepared = TypeVar("Prepared")
Made = TypeVar("Made")
Finished = TypeVar("Finished")
Answer = TypeVar("Answer")


def prepared_ahead(
    requests: Iterator[Request], size: int, prepare: Callable[[Sequence[Request]], Prepared]
) -> Iterator[tuple[list[Request], Prepared]]:
    """Yields batches with what was made of them, each while the caller uses the one before.

    Requests are taken, and prepared, in one other thread.
    """

    def take() -> tuple[list[Request], Prepared] | None:
        batch = _batch(requests, size)
        return (batch, prepare(batch)) if batch else None

    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as thread:
        ahead = thread.submit(take)
        while (taken := ahead.result()) is not None:
            ahead = thread.submit(take)
            yield taken


def finished_behind(
    requests: Iterator[Request],
    size: int,
    run: Callable[[Sequence[Request]], Made],
    finish: Callable[[Made], Finished],
) -> Generator[Finished, None, None]:
    """Yields what becomes of each batch, in order, finished while the model runs the next one.

    Requests are taken in one other thread and batches finished in another; `run` is called in the
    caller's. At most one batch waits to be finished while another is. What is finished is not held
    back for requests that do not come. Closing the iterator ends both threads.

    Args:
        requests: What is asked; only the last batch has fewer than `size`.
        size: How many the model takes at once.
        run: Puts a batch through the model.
        finish: Makes answers of what the model made, in a thread; must not use the model.

    Raises:
        Exception: What `requests`, `run` or `finish` raised, after the batches before.
    """
    with (
        ThreadPoolExecutor(1, thread_name_prefix="take") as taking,
        ThreadPoolExecutor(1, thread_name_prefix="finish") as finishing,
    ):
        ahead = taking.submit(_batch, requests, size)
        behind: Future[Finished] | None = None
        while True:
            if behind is not None:
                either: list[Future[Any]] = [ahead, behind]
                wait(either, return_when=FIRST_COMPLETED)
                if not ahead.done():
                    yield behind.result()
                    behind = None
            try:
                batch = ahead.result()
                if not batch:
                    break
                ahead = taking.submit(_batch, requests, size)
                made = run(batch)
            except Exception:
                if behind is not None:  # made before the fault, and so not lost by it
                    yield behind.result()
                raise
            before, behind = behind, finishing.submit(finish, made)
            if before is not None:
                yield before.result()
        if behind is not None:
            yield behind.result()


def _batch(requests: Iterator[Request], size: int) -> list[Request]:
    return list(islice(requests, size))


def halved_on_memory(
    items: Sequence[Request], forward: Callable[[Sequence[Request]], list[Answer | ItemFailure]]
) -> list[Answer | ItemFailure]:
    """Puts items through the model, halves of them where all do not fit into memory.

    An item that does not fit alone is a failure; any other error passes.
    """
    try:
        return forward(items)
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        message = str(error).splitlines()[0]
    # Outside the handler, whose traceback keeps the failed batch's tensors alive.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if len(items) == 1:
        return [ItemCode.OUT_OF_MEMORY.failure(f"It does not fit into memory: {message}")]
    half = len(items) // 2
    return [
        *halved_on_memory(items[:half], forward),
        *halved_on_memory(items[half:], forward),
    ]


def _is_memory(error: RuntimeError) -> bool:
    # The processor's allocator has no error class of its own.
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
