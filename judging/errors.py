"""Errors of questions, judges and scores that a person can act on."""

from alignbench.schemas.errors import AlignBenchError


class SampleSizeError(AlignBenchError):
    """So many answers cannot be drawn for people to rate."""

    code = "AB-E30"
    exit_code = 2


class TaskFileError(AlignBenchError):
    """A file of tasks is missing or is not what it should be."""

    code = "AB-E31"
    exit_code = 2


class QuestionFileError(AlignBenchError):
    """A file of questions as a whole cannot be read."""

    code = "AB-E32"
    exit_code = 2


class RubricError(AlignBenchError):
    """A rubric is not known, or its file is not what it should be."""

    code = "AB-E33"
    exit_code = 2


class SampleDrawnError(AlignBenchError):
    """A sample of that name was drawn already, and what was drawn stays drawn."""

    code = "AB-E42"
    exit_code = 2
