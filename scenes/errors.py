"""What can go wrong with the material that the demo is made from."""

from alignbench.schemas.errors import AlignBenchError


class MarkedCaptionError(AlignBenchError):
    """The marks in a caption cannot be read: an unknown type, a stray brace, no heading."""

    code = "AB-C20"
    exit_code = 2
