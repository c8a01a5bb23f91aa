"""Errors a person can act on: a stable code, what went wrong, what to do.

Every error that an operator, annotator or researcher may meet is a subclass of
`AlignBenchError` with a code of its own. The code never changes its meaning, so it can be searched
for; the list is in `docs/errors.md`. The letter after `AB-` names the package that raises it:
C configuration, W workspace, G generators, A annotation, R release, E evaluation, F flows,
S command line and services.
"""

from typing import ClassVar


class AlignBenchError(Exception):
    """What went wrong, with which item, and what to do about it.

    Attributes:
        code: Stable identifier, `AB-` and a letter and two digits.
        exit_code: What the command line exits with: 2 for bad usage or configuration, 1 otherwise.
        what: What went wrong, naming the item.
        fix: What to do, as an instruction.
    """

    code: ClassVar[str]
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.code}: {self.what} {self.fix}"


class UsageError(AlignBenchError):
    """The command line or a call was given something it cannot use."""

    code = "AB-S01"
    exit_code = 2


class ConfigError(AlignBenchError):
    """`alignbench.toml` is missing, unreadable or holds something unknown."""

    code = "AB-C01"
    exit_code = 2


class MissingSecretError(AlignBenchError):
    """A secret that must come from the environment is not there."""

    code = "AB-C02"
    exit_code = 2


class MissingExtraError(AlignBenchError):
    """A package that an optional part needs is not installed."""

    code = "AB-C03"
    exit_code = 2


class UnknownNameError(AlignBenchError):
    """A name that is not in the registry or the catalog."""

    code = "AB-C04"
    exit_code = 2


class NewerSchemaError(AlignBenchError):
    """A part, or a release, was written by a newer schema version than this installation knows."""

    code = "AB-W01"
    exit_code = 2


class TransientError(AlignBenchError):
    """A passing fault: the same call may succeed later."""

    code = "AB-S02"
