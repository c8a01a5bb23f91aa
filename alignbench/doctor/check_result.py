"""What a check of `alignbench doctor` says, and how one that breaks off is told."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from alignbench.schemas.errors import AlignBenchError

State = Literal["ok", "missing", "note"]


class CheckResult(NamedTuple):
    """What one check found.

    Attributes:
        check: What was looked at.
        state: `ok`; `missing` if a run would fail; `note` if only something optional is not there.
        found: What is there.
        fix: What to do; empty where all is well.
    """

    check: str
    state: State
    found: str
    fix: str = ""

    def line(self) -> str:
        """Returns the result as one line for people."""
        mark = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}[self.state]
        advice = f"\n          -> {self.fix}" if self.fix else ""
        return f"{mark}  {self.check}: {self.found}{advice}"


CheckError = AlignBenchError | OSError | ValueError
"""What may end a check without ending `doctor`."""


def results_or_failure(
    check: str, run: Callable[[], Iterable[CheckResult]]
) -> Iterator[CheckResult]:
    """Yields what a check finds; an error that ends it is a result too."""
    try:
        yield from run()
    except (AlignBenchError, OSError, ValueError) as error:
        yield failure(check, error)


def failure(check: str, error: CheckError) -> CheckResult:
    """Returns the result of a check that an error ended."""
    if isinstance(error, AlignBenchError):
        return CheckResult(check, "missing", error.what, error.fix)
    if isinstance(error, OSError):
        return CheckResult(
            check, "missing", f"{error}", "Make sure this user may read and write it."
        )
    # A library refuses a setting; its text may repeat the value, password and all.
    found = f"a setting is not usable ({type(error).__name__})"
    return CheckResult(check, "missing", found, "Correct the address in that server's settings.")
