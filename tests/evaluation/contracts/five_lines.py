"""The smallest detector: the longer a sentence, the more there is in it to be wrong."""

from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.plugins import DetectorBase


class SentenceLength(DetectorBase):
    def score(self, requests):
        return [SentenceScore(-len(request.text)) for request in requests]
