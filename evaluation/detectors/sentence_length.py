"""A sanity baseline: the shorter the sentence, the less there is in it to be wrong."""

from collections.abc import Sequence
from typing import ClassVar

from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.protocols import ItemFailure, NoOptions, Options


class SentenceLengthDetector:
    """Scores a sentence by minus its number of characters; no image is looked at.

    A detector that is not better than this has learned nothing of the image.
    """

    options_type: ClassVar[type[Options]] = NoOptions
    params_type: ClassVar[type[Options]] = NoOptions
    reads_pixels: ClassVar[bool] = False

    def __init__(
        self,
        repo: str,
        revision: str | None,
        prompt: str | None,
        options: Options,
        params: Options,
    ) -> None:
        """Takes what every detector is given, and needs none of it."""

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:  # noqa: ARG003
        """Returns None: there is no model."""
        return None

    @classmethod
    def default_prompt(cls, params: Options) -> str | None:  # noqa: ARG003
        """Returns None: nothing is asked."""
        return None

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns minus the number of code points of each sentence."""
        return [SentenceScore(-float(len(request.text))) for request in requests]
