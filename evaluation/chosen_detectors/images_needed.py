"""Whether the release has the images that detectors look at."""

from collections.abc import Sequence

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.errors import ImagesNeededError
from alignbench.release_format.sentences import ReleaseReader


def without_images(
    reader: ReleaseReader, detectors: Sequence[PreparedDetector]
) -> dict[str, ImagesNeededError]:
    """Returns the detectors that cannot score anything, since the release embeds no image."""
    counts = reader.image_counts
    if counts is None or counts.embedded:
        return {}
    return {
        detector.name: ImagesNeededError(
            f"{detector.name} looks at images, and {reader.address} embeds none of its"
            f" {counts.total:,}.",
            "Import it again with --images or --fetch-images, or release it with images.",
        )
        for detector in detectors
        if detector.reads_pixels
    }


def note_on_images(reader: ReleaseReader, detectors: Sequence[PreparedDetector]) -> list[str]:
    """Returns what the report is to say if some images are not there for detectors to look at."""
    counts = reader.image_counts
    looking = [detector.name for detector in detectors if detector.reads_pixels]
    if counts is None or counts.embedded in (0, counts.total) or not looking:
        return []
    missing = counts.total - counts.embedded
    return [
        f"{missing:,} of {counts.total:,} images are not in the release: {', '.join(looking)}"
        " cannot score their sentences."
    ]
