"""Options of `push` and `pull`: which round, what of it, and how often."""

import sys
import time
from collections.abc import Callable

from alignbench.schemas.errors import TransientError, UsageError
from alignbench.schemas.registry import suggestion
from alignbench.schemas.vocabulary import Stratum


def checked_round(name: str | None) -> str | None:
    """Returns the name of a round.

    Raises:
        UsageError: A configuration could not name its round so either.
    """
    from pydantic import TypeAdapter, ValidationError

    from alignbench.schemas.configuration.annotation_section import RoundName

    if name is None:
        return None
    try:
        checked: str = TypeAdapter(RoundName).validate_python(name)
    except ValidationError as error:
        advice = error.errors()[0].get("ctx", {})
        reason = f": {advice['what']}" if "what" in advice else ""
        fix = advice.get("fix", "Use letters and digits, and '.', '_', '-' after the first.")
        raise UsageError(f"{name!r} is no name of a round{reason}.", fix) from None
    return checked


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
