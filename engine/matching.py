"""Asking a backend, with the certainty that each answer belongs to its question."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, Generic, TypeVar

from alignbench.engine.errors import BackendContractError
from alignbench.schemas.protocols import ItemFailure

Asked = TypeVar("Asked")
Request = TypeVar("Request")
Answer = TypeVar("Answer")

Stream = Callable[[Iterator[Request]], Iterator[tuple[int, Answer]]]
"""Gives each answer with the place of its request, from 0."""

_MOST_REFUSED: Final = 256
"""Items that could not even be asked are told between answers; so many at once end the stream."""


Batches = Callable[[Iterator[Request]], Iterator[list[Request]]]
"""Cuts a stream of requests into batches, none of them empty."""


def of_size(size: int) -> Batches[Request]:
    """Returns what cuts a stream into batches of one size, the last one aside."""

    def batches(requests: Iterator[Request]) -> Iterator[list[Request]]:
        while batch := list(islice(requests, size)):
            yield batch

    return batches


def in_batches(
    batches: Batches[Request], answer: Callable[[list[Request]], Sequence[Answer]], backend: str
) -> Stream[Request, Answer]:
    """Makes a stream of a backend that takes batches.

    Raises:
        BackendContractError: From the stream: it did not give one answer for each item of a batch;
            nothing of that batch has been yielded then.
    """

    def stream(requests: Iterator[Request]) -> Iterator[tuple[int, Answer]]:
        start = 0
        for batch in batches(requests):
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
    asked: Iterator[tuple[Asked, Request | ItemFailure]],
    stream: Stream[Request, Answer],
    backend: str,
) -> Iterator[tuple[Asked, Answer | ItemFailure]]:
    """Yields items with their answers, in the order in which these come.

    Args:
        asked: Items with what is asked for them, taken as the backend takes requests, or with why
            they cannot be asked.
        stream: The backend.
        backend: Its name, for messages.

    Raises:
        BackendContractError: An answer is missing, or belongs to no request.
    """
    asking = _Asking(asked)
    while not asking.is_at_end():
        for place, answer in stream(asking.requests()):
            if place not in asking.waiting:
                raise _contract(f"{backend} answered request {place}, which nobody is waiting for")
            yield asking.waiting.pop(place), answer
            yield from asking.taken_refusals()
        if asking.waiting:
            raise _contract(f"{backend} left {len(asking.waiting)} requests without an answer")
        if not asking.is_at_end() and not asking.has_paused:
            raise _contract(f"{backend} stopped before its requests ended")
        yield from asking.taken_refusals()


class _Asking(Generic[Asked, Request]):
    """The requests of a stream; its backend may take them in a thread of its own."""

    def __init__(self, asked: Iterator[tuple[Asked, Request | ItemFailure]]) -> None:
        self._asked = asked
        self._refused: deque[tuple[Asked, ItemFailure]] = deque()
        self.waiting: dict[int, Asked] = {}
        self._at_end = False
        self.has_paused = False

    def requests(self) -> Iterator[Request]:
        """Yields what can be asked; pauses where too many items in a row cannot be."""
        self.has_paused = False
        place = 0
        for item, request in self._asked:
            if not isinstance(request, ItemFailure):
                self.waiting[place] = item
                place += 1
                yield request
                continue
            self._refused.append((item, request))
            if len(self._refused) >= _MOST_REFUSED:
                self.has_paused = True
                return
        self._at_end = True

    def is_at_end(self) -> bool:
        """Tells whether everything was asked."""
        return self._at_end

    def taken_refusals(self) -> Iterator[tuple[Asked, ItemFailure]]:
        """Yields the items that could not be asked since the last call."""
        while self._refused:
            yield self._refused.popleft()


def _contract(what: str) -> BackendContractError:
    return BackendContractError(
        f"{what}.",
        "Nothing of that batch was kept. Mend the backend: one answer for each item, with an "
        "ItemFailure for one that could not be done.",
    )
