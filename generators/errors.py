"""What can go wrong with the input: errors that mean that nothing of a source can be read."""

from alignbench.schemas.errors import AlignBenchError


class InputFileError(AlignBenchError):
    """A file or folder that the configuration names is not there or cannot be read at all."""

    code = "AB-G01"
    exit_code = 2


class InputColumnError(AlignBenchError):
    """A file has no column of the name that the configuration gives."""

    code = "AB-G02"
    exit_code = 2


class TooFewPromptsError(AlignBenchError):
    """A prompt source cannot give as many different prompts as it is asked for."""

    code = "AB-G05"
    exit_code = 2
