"""What can go wrong between the workspace and the annotators."""

from enum import StrEnum

from alignbench.schemas.errors import AlignBenchError, TransientError


class ServerUnreachableError(TransientError):
    """Label Studio does not answer, or says that it cannot answer now."""

    code = "AB-A01"


class TokenRefusedError(AlignBenchError):
    """Label Studio does not accept the API token."""

    code = "AB-A02"
    exit_code = 2


class RequestRefusedError(AlignBenchError):
    """Label Studio refused a request."""

    code = "AB-A03"


class UnclearImportError(TransientError):
    """Tasks were sent, and whether they arrived is unknown; the next attempt looks first."""

    code = "AB-A04"


class UnexpectedAnswerError(AlignBenchError):
    """An answer of the server is not what Label Studio answers."""

    code = "AB-A05"


class MissingProjectError(AlignBenchError):
    """A project that tasks were sent to is not on the server."""

    code = "AB-A06"


class OtherServerError(AlignBenchError):
    """The tasks of this workspace are on another server."""

    code = "AB-A07"


class TooManyDeletionsError(AlignBenchError):
    """More answers have disappeared from the server than chance deletes."""

    code = "AB-A08"


class ImageStorageError(AlignBenchError):
    """The images cannot be shown to annotators from where they are stored."""

    code = "AB-A09"
    exit_code = 2


class MissingImageError(AlignBenchError):
    """A sentence's image is not in table `images`."""

    code = "AB-A10"


class AccountError(AlignBenchError):
    """An annotator's account could not be made, or logged in to."""

    code = "AB-A11"


class UnknownModelError(AlignBenchError):
    """No selected sentence is of a model that was asked for."""

    code = "AB-A13"
    exit_code = 2


class GoldFileError(AlignBenchError):
    """The file of gold sentences cannot be used."""

    code = "AB-A14"
    exit_code = 2


class NothingToAdjudicateError(AlignBenchError):
    """There are no labels yet that could be in dispute."""

    code = "AB-A15"


class UnknownWithdrawalError(AlignBenchError):
    """What is to be withdrawn or excluded is not in this workspace."""

    code = "AB-A16"
    exit_code = 2


class SuggestionsError(AlignBenchError):
    """What a detector found cannot be shown as suggestions in this round."""

    code = "AB-A18"
    exit_code = 2


class NoSuchAnnotatorError(AlignBenchError):
    """Somebody who is named has no account, or is not in the team."""

    code = "AB-A19"
    exit_code = 2


class SetBackServerError(AlignBenchError):
    """The server's database is older than what was pulled from it: a backup was restored."""

    code = "AB-A24"


class Doubt(StrEnum):
    """Why an answer is in quarantine: the codes in table `quarantine`."""

    MALFORMED = "AB-A31"
    """Its JSON is not that of an answer."""
    UNKNOWN_TASK = "AB-A32"
    """It was given to a task that this workspace did not send."""
    CHANGED_TASK = "AB-A33"
    """Its task does not show the sentence that was sent."""
    EDITED = "AB-A34"
    """Somebody else than the annotator saved it last."""
    UNKNOWN_VERDICT = "AB-A35"
    """It has no verdict, several, or one that is not offered."""
    UNKNOWN_TYPE = "AB-A36"
    """A span has no type, or one that is not offered."""
    UNPROVABLE_SPAN = "AB-A37"
    """Where a span lies in the sentence cannot be told from its text."""
    DELETED = "AB-A38"
    """It was in quarantine, and has been deleted on the server since."""
    NOT_ASKED = "AB-A39"
    """Its task was put to somebody else."""
    UNKNOWN_RATING = "AB-A40"
    """It has no rating, several, or one that is not offered."""
    UNKNOWN_MEANING = "AB-A41"
    """It does not say whether two questions mean the same, says several things, or another one."""
