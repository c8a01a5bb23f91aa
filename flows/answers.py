"""Taking what a backend answered, once it is certain that each answer belongs to its question."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from flows.errors import BackendContractError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def matched(
    asked: Sequence[Asked], answers: Sequence[Answer], backend: str
) -> Iterator[tuple[Asked, Answer]]:
    """Pairs items with their answers.

    Raises:
        BackendContractError: There is not one answer for each item, so that nobody knows which
            belongs to which; nothing has been yielded then.
    """
    if len(answers) != len(asked):
        raise BackendContractError(
            f"{backend} gave {len(answers)} answers for {len(asked)} items, in one batch.",
            "Nothing of that batch was kept. Mend the backend: one answer for each item, in order, "
            "with an ItemFailure for one that could not be done.",
        )
    yield from zip(asked, answers, strict=True)
