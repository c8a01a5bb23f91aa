"""What can go wrong with the local services, with stable codes."""

from alignbench.schemas.errors import AlignBenchError


class LabelStudioNotInstalledError(AlignBenchError):
    """No Python with Label Studio in it was found."""

    code = "AB-S10"
    exit_code = 2


class ServiceDiedError(AlignBenchError):
    """A server ended before it answered."""

    code = "AB-S11"


class ServiceTimeoutError(AlignBenchError):
    """A server did not answer in time."""

    code = "AB-S12"


class ServiceNotRunningError(AlignBenchError):
    """A service is needed that was stopped or has died."""

    code = "AB-S13"


class CredentialsError(AlignBenchError):
    """The stored credentials are unreadable, or the server does not accept them."""

    code = "AB-S14"


class ServiceStateError(AlignBenchError):
    """A service's `state.json` cannot be read."""

    code = "AB-S15"
