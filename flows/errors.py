"""What can go wrong with a run as a whole."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alignbench.schemas.errors import AlignBenchError, TransientError

if TYPE_CHECKING:
    from alignbench.flows.report import StageReport


class TooManyFailuresError(AlignBenchError):
    """A run finished, and a larger share of its items failed than the configuration allows."""

    code = "AB-F01"

    def __init__(self, what: str, fix: str, reports: "Sequence[StageReport]" = ()) -> None:
        """Carries the reports of the run, of every stage that it went through."""
        super().__init__(what, fix)
        self.reports = tuple(reports)


class NothingWorksError(AlignBenchError):
    """A run stopped early because its first items all failed."""

    code = "AB-F02"


class PrefectUnreachableError(TransientError):
    """A Prefect server is configured and does not answer."""

    code = "AB-F04"
    exit_code = 2


class SplitterChangedError(AlignBenchError):
    """The installed sentence splitter is not the one that this workspace was split with."""

    code = "AB-F05"
    exit_code = 2


class BackendContractError(AlignBenchError):
    """A captioner, image generator or source did not give one answer for each item."""

    code = "AB-F09"


class BackendFailedError(AlignBenchError):
    """A model cannot be loaded, so that none of its items can be done."""

    code = "AB-F10"


UNEXPECTED = "AB-F03"
"""Code of the failure row of an item on which a backend raised something unforeseen."""
EMPTY_CAPTION = "AB-F06"
"""Code of the row of a caption that has no text."""
NO_SENTENCE = "AB-F07"
"""Code of the row of a caption that has text and no sentence, such as a heading alone."""
EMPTY_PROMPT = "AB-F08"
"""Code of the row of a prompt that has no text."""
