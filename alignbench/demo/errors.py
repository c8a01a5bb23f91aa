"""What can go wrong with the demo itself."""

from alignbench.schemas.errors import AlignBenchError


class DemoAccountsError(AlignBenchError):
    """The demo's annotators have accounts, but their passwords are gone."""

    code = "AB-S20"


class NobodyAnsweredError(AlignBenchError):
    """The demo waited for a person's answers, and its input ended before there were any."""

    code = "AB-S22"


class UnsoundDemoError(AlignBenchError):
    """What the demo released does not pass `verify`."""

    code = "AB-S21"
