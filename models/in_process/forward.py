"""Batches through a model: the next is prepared while one runs; less at once if memory ends."""

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import torch

from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

Request = TypeVar("Request")
Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


def prepared_ahead(
    requests: Iterator[Request], size: int, prepare: Callable[[Sequence[Request]], Prepared]
) -> Iterator[tuple[list[Request], Prepared]]:
    """Yields batches with what was made of them, each while the caller uses the one before.

    Requests are taken, and prepared, in one other thread.
    """

    def take() -> tuple[list[Request], Prepared] | None:
        batch = list(islice(requests, size))
        return (batch, prepare(batch)) if batch else None

    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as thread:
        ahead = thread.submit(take)
        while (taken := ahead.result()) is not None:
            ahead = thread.submit(take)
            yield taken


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
