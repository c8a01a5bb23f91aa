"""What can be wrong with what should be a release."""

from alignbench.schemas.errors import AlignBenchError


class NotAReleaseError(AlignBenchError):
    """There is no release at an address, or none that this version can use."""

    code = "AB-R05"
    exit_code = 2


class ReleaseColumnError(AlignBenchError):
    """A Parquet file of a release lacks a column, or has it in another type."""

    code = "AB-E02"
    exit_code = 2
