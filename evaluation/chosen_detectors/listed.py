"""Whether a detector's list of scores is one of this release's sentences."""

from collections.abc import Iterator, Sequence

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.errors import ScoreFileError
from alignbench.release_format.sentences import ReleaseReader


def notes_on_lists(reader: ReleaseReader, detectors: Sequence[PreparedDetector]) -> Iterator[str]:
    """Yields for each detector that lists sentences how many of them the release does not have.

    Raises:
        ScoreFileError: It has none of them, or lists none at all.
    """
    listed = [(d, ids) for d in detectors if (ids := d.listed_sentences()) is not None]
    if not listed:
        return
    known = set(reader.sentence_ids().to_pylist())
    for detector, ids in listed:
        if not ids:
            raise ScoreFileError(
                f"{detector.name}: its file has no score.",
                "Give a row for each sentence, by this release's column sentence_id.",
            )
        strange = [name for name in ids if name not in known]
        if not strange:
            continue
        if len(strange) == len(ids):
            raise ScoreFileError(
                f"{detector.name}: none of the {len(ids):,} sentences that it has scores of is in "
                f"{reader.address} (such as {strange[0]!r}).",
                "Give scores by this release's column sentence_id.",
            )
        yield (
            f"{detector.name}: {len(strange):,} of the {len(ids):,} sentences that it has scores "
            f"of are not in the release (such as {strange[0]!r})."
        )
