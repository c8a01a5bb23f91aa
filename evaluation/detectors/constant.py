"""A sanity baseline: the same score for every sentence. It must be reported as no result."""

from collections.abc import Sequence

from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, NoOptions, Options


class ConstantParams(Options):
    """What is given to every sentence."""

    value: float = 0.5


class ConstantDetector(DetectorBase[NoOptions, ConstantParams]):
    """Gives every sentence the same score."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the same score for each sentence."""
        return [SentenceScore(self.params.value) for _ in requests]
