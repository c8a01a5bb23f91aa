"""What can go wrong with a workspace."""

from alignbench.schemas.errors import AlignBenchError, TransientError


class ObjectNotFoundError(AlignBenchError):
    """An object that was asked for by its key is not in the store."""

    code = "AB-W02"


class UnsafeKeyError(AlignBenchError):
    """A key would leave the workspace: absolute, with `..`, or through a link that leads out."""

    code = "AB-W03"


class LockHeldError(AlignBenchError):
    """Another run holds the lock."""

    code = "AB-W04"


class LockLostError(AlignBenchError):
    """The lock that this run held was taken over, because it was not renewed in time."""

    code = "AB-W05"


class CorruptPartError(AlignBenchError):
    """A part's bytes are not those that its name promises, or it is not a part of this table."""

    code = "AB-W06"


class StoreUnreachableError(TransientError):
    """The object store does not answer, or refuses the credentials."""

    code = "AB-W07"


class StoreRefusedError(AlignBenchError):
    """The object store does not know something of S3 that it was asked for, such as a header."""

    code = "AB-W09"


class NotAWorkspaceError(AlignBenchError):
    """There is no workspace at that place."""

    code = "AB-W08"
    exit_code = 2
