"""What can go wrong with a run as a whole."""

from collections.abc import Sequence

from alignbench.engine.report import StageReport
from alignbench.schemas.errors import AlignBenchError


class TooManyFailuresError(AlignBenchError):
    """A run finished, and a larger share of its items failed than the configuration allows."""

    code = "AB-F01"

    def __init__(self, what: str, fix: str, reports: Sequence[StageReport] = ()) -> None:
        """Carries the reports of the run, of every stage that it went through."""
        super().__init__(what, fix)
        self.reports = tuple(reports)


class NothingWorksError(AlignBenchError):
    """A run stopped early because its first items all failed."""

    code = "AB-F02"


class BackendContractError(AlignBenchError):
    """A captioner, image generator, detector or source did not give one answer for each item."""

    code = "AB-F09"


class BackendFailedError(AlignBenchError):
    """A model cannot be loaded, or broke on the way, so that none of its items can be done."""

    code = "AB-F10"


class WorkerLostError(AlignBenchError):
    """A process that was given a share of a run died again and again."""

    code = "AB-F30"


class WorkerFailedError(AlignBenchError):
    """A process that was given a share of a run cannot go on."""

    code = "AB-F31"


UNEXPECTED = "AB-F03"
"""Code of the failure row of an item on which a backend raised something unforeseen."""

UNSTORABLE = "AB-F16"
"""Code of the failure row of an item of which something came that no table can hold."""
