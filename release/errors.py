"""What can go wrong while labels and releases are made."""

from alignbench.schemas.errors import AlignBenchError


class NoLabelsError(AlignBenchError):
    """There is no label set to release, or no sentence in it is selected."""

    code = "AB-R01"


class StaleLabelsError(AlignBenchError):
    """Answers or the selection changed after the label set was computed."""

    code = "AB-R02"


class ReleaseExistsError(AlignBenchError):
    """A release of that name and version is there already, with other content."""

    code = "AB-R03"
    exit_code = 2


class RefusedReleaseError(AlignBenchError):
    """The built release does not pass its own verification, so it was not published."""

    code = "AB-R04"


class UnusableNameError(AlignBenchError):
    """A model or split name cannot be the name of a dataset config, folder or split."""

    code = "AB-R06"
    exit_code = 2


class BrokenReferenceError(AlignBenchError):
    """A row names a pair, image, generator or splitter that its table does not have."""

    code = "AB-R07"


class SplitConflictError(AlignBenchError):
    """The splits of an older release cannot be kept with those that are asked for."""

    code = "AB-R08"
    exit_code = 2


class ImportFileError(AlignBenchError):
    """A file that is to be imported cannot be read, or is not of the kind that was named."""

    code = "AB-R10"
    exit_code = 2


class UnprovedOffsetError(AlignBenchError):
    """An importer gave a range whose text is not what it says it is."""

    code = "AB-R11"


class NoQuestionsError(AlignBenchError):
    """There is no question that may be released."""

    code = "AB-R12"
