"""What can go wrong before the first caption is split."""

from alignbench.schemas.errors import AlignBenchError


class SplitterUnavailableError(AlignBenchError):
    """The splitter that a workspace has frozen is not the one that is installed."""

    code = "AB-A20"
    exit_code = 2
