"""Errors of questions, judges and scores that a person can act on."""

from alignbench.schemas.errors import AlignBenchError


class SampleSizeError(AlignBenchError):
    """So many answers cannot be drawn for people to rate."""

    code = "AB-E30"
    exit_code = 2
