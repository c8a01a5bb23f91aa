"""What can go wrong with an evaluation as a whole."""

from alignbench.schemas.errors import AlignBenchError


class NothingToScoreError(AlignBenchError):
    """A release has no sentence that is known to be correct or incorrect."""

    code = "AB-E03"
    exit_code = 2


class TooManyUnscoredError(AlignBenchError):
    """A detector failed on a larger share of the sentences than a result may stand on."""

    code = "AB-E05"


class ScoreFileError(AlignBenchError):
    """A file of scores, or of outside figures, cannot be read as what it should be."""

    code = "AB-E07"
    exit_code = 2


class ModelShapeError(AlignBenchError):
    """A model is not of the kind that a detector needs."""

    code = "AB-E08"
    exit_code = 2


class FunctionResultError(AlignBenchError):
    """A function that was given as a detector does not return one number for each sentence."""

    code = "AB-E39"
    exit_code = 2


class OwnLabelsError(AlignBenchError):
    """An imported sentence's own labels are not such as its set has."""

    code = "AB-E09"
    exit_code = 2


class SubmissionError(AlignBenchError):
    """A file is not a submission to a leaderboard."""

    code = "AB-E40"
    exit_code = 2


class SubmissionRefusedError(AlignBenchError):
    """A submission does not hold against its release, so it is not ranked."""

    code = "AB-E41"


class ImagesNeededError(AlignBenchError):
    """A detector looks at images, and the release embeds none."""

    code = "AB-E44"
