"""A sanity baseline: the shorter the sentence, the less there is in it to be wrong."""

from collections.abc import Sequence

from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure


class SentenceLengthDetector(DetectorBase):
    """Scores a sentence by minus its number of characters; no image is looked at.

    A detector that is not better than this has learned nothing of the image.
    """

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns minus the number of code points of each sentence."""
        return [SentenceScore(-float(len(request.text))) for request in requests]
