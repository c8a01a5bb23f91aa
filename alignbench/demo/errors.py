"""What can go wrong with the demo itself."""

from alignbench.schemas.errors import AlignBenchError


class DemoAccountsError(AlignBenchError):
    """The demo's annotators have accounts whose passwords are not there any more."""

    code = "AB-S20"


class NobodyAnsweredError(AlignBenchError):
    """The demo was to wait for a person's answers, and its input ended without any."""

    code = "AB-S22"


class UnsoundDemoError(AlignBenchError):
    """What the demo released does not pass `verify`."""

    code = "AB-S21"
