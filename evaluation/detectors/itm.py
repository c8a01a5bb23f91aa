"""Image-text matching: the probability that BLIP's or BLIP-2's head gives a sentence and an image.

A row of AlignBench's table; the head was trained on whole captions, so a sentence that says little
is a match of nearly anything.
"""

from collections.abc import Sequence
from math import exp
from typing import Annotated, ClassVar, Literal

import torch
from PIL import Image
from pydantic import Field

from alignbench.evaluation.detector_parts.image_groups import scored_by_image
from alignbench.evaluation.detector_parts.matching_head import MatchingHead
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.placement import InProcessOptions
from alignbench.models.in_process.weights import HubRevision
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options


class ItmOptions(InProcessOptions):
    """How the model is run; `forward_batch` sentences of one image at once."""

    forward_batch: Annotated[int, Field(ge=1, le=4096)] = 32


class ItmParams(Options):
    """What the score is.

    Attributes:
        score: `probability` of a match, or its log odds (`logit`), which do not run together near 0
            and 1. The order of scores is the same.
        prefix: Put before each sentence.
    """

    score: Literal["probability", "logit"] = "probability"
    prefix: str = ""


class ItmDetector(HubRevision, DetectorBase[ItmOptions, ItmParams]):
    """A BLIP or BLIP-2 model with its image-text matching head."""

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model."""
        self._head = MatchingHead(self.repo, self.revision, self.options)

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns how well each sentence matches its image; each image is looked at once."""
        return scored_by_image(requests, self._of_image)

    def _of_image(
        self, image: Image.Image, own: Sequence[ScoringRequest]
    ) -> list[SentenceScore | ItemFailure]:
        texts = [request.text for request in own]

        def see(images: Sequence[Image.Image]) -> list[torch.Tensor | ItemFailure]:
            return [self._head.see(one) for one in images]

        [seen] = halved_on_memory([image], see)
        if isinstance(seen, ItemFailure):
            return [seen] * len(texts)
        shown = seen
        results: dict[int, SentenceScore | ItemFailure] = {}
        readable = []
        for place, text in enumerate(texts):
            failure = self._unreadable(text)
            if failure is not None:
                results[place] = failure
            else:
                readable.append(place)
        # Short ones together, so that little is filled up.
        readable.sort(key=lambda place: len(texts[place]))

        def read(places: Sequence[int]) -> list[SentenceScore | ItemFailure]:
            asked = [f"{self.params.prefix}{texts[place].strip()}" for place in places]
            return [self._scored(margin) for margin in self._head.margins(shown, asked)]

        size = self.options.forward_batch
        for start in range(0, len(readable), size):
            some = readable[start : start + size]
            results |= dict(zip(some, halved_on_memory(some, read), strict=True))
        return [results[place] for place in range(len(texts))]

    def _unreadable(self, text: str) -> ItemFailure | None:
        if not text.strip():
            return ItemCode.SENTENCE_EMPTY.failure("The sentence has no words.")
        length = self._head.length(f"{self.params.prefix}{text.strip()}")
        if length <= self._head.limit:
            return None
        return ItemCode.SENTENCE_TOO_LONG.failure(
            f"The sentence has {length:,} tokens; the model reads {self._head.limit:,}."
        )

    def _scored(self, margin: float) -> SentenceScore:
        return SentenceScore(margin if self.params.score == "logit" else _probability(margin))


def _probability(margin: float) -> float:
    """Returns the probability that log odds stand for, whatever their size."""
    return 1 / (1 + exp(-margin)) if margin >= 0 else exp(margin) / (1 + exp(margin))
