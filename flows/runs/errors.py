"""What can go wrong with a stage, beside what the engine reports of any."""

from alignbench.engine.errors import TooManyFailuresError
from alignbench.schemas.errors import AlignBenchError, TransientError


class PrefectUnreachableError(TransientError):
    """A Prefect server is configured and does not answer."""

    code = "AB-F04"
    exit_code = 2


class SplitterChangedError(AlignBenchError):
    """The installed sentence splitter is not the one that this workspace was split with."""

    code = "AB-F05"
    exit_code = 2


class SharedPictureError(TooManyFailuresError):
    """One picture stands behind too large a share of a source's URLs: perhaps a placeholder."""

    code = "AB-F11"


class NoChatModelError(AlignBenchError):
    """A model is to hold a conversation, and its backend cannot."""

    code = "AB-F12"
    exit_code = 2


class NoJudgeError(AlignBenchError):
    """Nobody is configured who could do what is asked about questions."""

    code = "AB-F13"
    exit_code = 2


class NothingToCheckError(AlignBenchError):
    """There is no question in other words that people could be asked about."""

    code = "AB-F15"


class NothingToExportError(AlignBenchError):
    """No answer that is selected now was rated, so that there is nothing to train a critic on."""

    code = "AB-F14"


class ClusterUnreachableError(TransientError):
    """A Ray cluster is configured and does not answer, or none can be started here."""

    code = "AB-F32"
    exit_code = 2


class UnfitWorkerError(AlignBenchError):
    """A machine of the Ray cluster lacks what a run needs: this version, or the workspace."""

    code = "AB-F33"
    exit_code = 2


EMPTY_CAPTION = "AB-F06"
"""Code of the row of a caption that has no text."""
NO_SENTENCE = "AB-F07"
"""Code of the row of a caption that has text and no sentence, such as a heading alone."""
EMPTY_PROMPT = "AB-F08"
"""Code of the row of a prompt that has no text."""
