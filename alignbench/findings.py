"""What a check of `alignbench doctor` found."""

from typing import Literal, NamedTuple

State = Literal["ok", "missing", "note"]


class Finding(NamedTuple):
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
        """Returns the finding as one line for people."""
        mark = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}[self.state]
        advice = f"\n          -> {self.fix}" if self.fix else ""
        return f"{mark}  {self.check}: {self.found}{advice}"
