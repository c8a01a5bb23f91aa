"""Asking a backend, with the certainty that each answer belongs to its question."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from alignbench.flows.errors import BackendContractError

Asked = TypeVar("Asked")
Request = TypeVar("Request")
Answer = TypeVar("Answer")

Stream = Callable[[Iterator[Request]], Iterator[tuple[int, Answer]]]
"""Gives each answer with the place of its request, from 0."""


def in_batches(
    size: int, answer: Callable[[list[Request]], Sequence[Answer]], backend: str
) -> Stream[Request, Answer]:
    """Makes a stream of a backend that takes batches.

    Raises:
        BackendContractError: From the stream: it did not give one answer for each item of a batch;
            nothing of that batch has been yielded then.
    """

    def stream(requests: Iterator[Request]) -> Iterator[tuple[int, Answer]]:
        start = 0
        while batch := list(islice(requests, size)):
            pairs = matched(batch, answer(batch), backend)
            for place, (_, given) in enumerate(pairs, start):
                yield place, given
            start += len(batch)

    return stream


def matched(
    asked: Sequence[Asked], answers: Sequence[Answer], backend: str
) -> Iterator[tuple[Asked, Answer]]:
    """Pairs the items of a batch with their answers.

    Raises:
        BackendContractError: There is not one answer for each item, so that nobody knows which
            belongs to which; nothing has been yielded then.
    """
    if len(answers) != len(asked):
        raise _contract(
            f"{backend} gave {len(answers)} answers for {len(asked)} items, in one batch"
        )
    yield from zip(asked, answers, strict=True)


def answered(
    asked: Iterator[tuple[Asked, Request]], stream: Stream[Request, Answer], backend: str
) -> Iterator[tuple[Asked, Answer]]:
    """Yields items with their answers, in the order in which these come.

    Args:
        asked: Items with what is asked for them; taken as the backend takes requests.
        stream: The backend.
        backend: Its name, for messages.

    Raises:
        BackendContractError: An answer is missing, or belongs to no request.
    """
    waiting: dict[int, Asked] = {}

    def requests() -> Iterator[Request]:
        for place, (item, request) in enumerate(asked):
            waiting[place] = item
            yield request

    for place, answer in stream(requests()):
        if place not in waiting:
            raise _contract(f"{backend} answered request {place}, which nobody is waiting for")
        yield waiting.pop(place), answer
    if waiting:
        raise _contract(f"{backend} left {len(waiting)} requests without an answer")


def _contract(what: str) -> BackendContractError:
    return BackendContractError(
        f"{what}.",
        "Nothing of that batch was kept. Mend the backend: one answer for each item, with an "
        "ItemFailure for one that could not be done.",
    )
