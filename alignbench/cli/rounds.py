"""Options of `push` and `pull`: which round, what of it, and how often."""

import sys
import time
from collections.abc import Callable

from alignbench.schemas.errors import TransientError, UsageError
from alignbench.schemas.registry import suggestion
from alignbench.schemas.vocabulary import Stratum

_LONGEST_NAME = 64
_RESERVED = "adjudication"


def checked_round(name: str | None) -> str | None:
    """Returns the name of a round.

    Raises:
        UsageError: It is none, or the one that adjudications have.
    """
    if name is None:
        return None
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if not plain.isalnum() or not plain.isascii() or len(name) > _LONGEST_NAME:
        raise UsageError(f"{name!r} is no name of a round.", "Use letters, digits, '.', '_', '-'.")
    if name == _RESERVED:
        raise UsageError(f"{name!r} is the round of decisions.", "Choose another name.")
    return name


def strata(names: str) -> tuple[Stratum, ...]:
    """Returns what `--stratify model,position` names.

    Raises:
        UsageError: One of them is unknown.
    """
    found: list[Stratum] = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in list(Stratum):
            raise UsageError(f"A sample cannot be stratified by {name!r}.",
                             suggestion(name, list(Stratum)))  # fmt: skip
        found.append(Stratum(name))
    return tuple(dict.fromkeys(found))


def repeat_until_interrupted(act: Callable[[], None], seconds: float) -> None:
    """Calls a function until Ctrl+C; a passing fault is printed and does not end it.

    Args:
        act: What is called.
        seconds: How long to wait between two calls.
    """
    while True:
        try:
            act()
        except TransientError as error:
            sys.stderr.write(f"{error}\n")
        time.sleep(seconds)
