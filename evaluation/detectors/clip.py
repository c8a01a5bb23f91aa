"""CLIPScore's cosine: how near a sentence's vector is to its image's (Hessel et al., 2021)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch

from alignbench.evaluation.detector_parts.dual_encoder import (
    DualEncoder,
    Parts,
    parts_of,
    weighted_mean,
)
from alignbench.models.in_process.placement import InProcessOptions
from alignbench.models.in_process.weights import HubRevision
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options


class DualEncoderOptions(InProcessOptions):
    """How the model is run; `forward_batch` texts, or images, at once."""

    forward_batch: int = 64


class DualEncoderParams(Options):
    """What the score is.

    Attributes:
        score: `cosine`, or `logit`: the cosine times the model's own scale, with its bias where it
            has one. The order of scores, and so every AUROC, is the same.
        prefix: Put before each sentence, such as `A photo depicts `.
        long_text: A sentence that is longer than the model reads is scored in parts (`parts`), the
            score being their mean by length, or fails (`fail`). It is never cut off.
        processor: Repository or folder of the image processor and the tokenizer, for a model that
            was published without them.
    """

    score: Literal["cosine", "logit"] = "cosine"
    prefix: str = ""
    long_text: Literal["parts", "fail"] = "parts"
    processor: str = ""


class ClipDetector(HubRevision, DetectorBase[DualEncoderOptions, DualEncoderParams]):
    """A CLIP model: the cosine of sentence and image."""

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model."""
        self._encoder = DualEncoder(
            self.repo,
            self.revision,
            self.options,
            self.params.prefix,
            processor=self.params.processor,
        )

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the cosine of each sentence and its image."""
        allow_parts = self.params.long_text == "parts"
        found = parts_of(self._encoder, requests, allow_parts=allow_parts)
        texts = {
            request.text[window.start : window.end]
            for request, parts in zip(requests, found, strict=True)
            if isinstance(parts, Parts)
            for window in parts.windows
        }
        vectors = self._embedded(sorted(texts, key=lambda text: (len(text), text)))
        return [
            parts if isinstance(parts, ItemFailure) else self._one(request, parts, vectors)
            for request, parts in zip(requests, found, strict=True)
        ]

    def _embedded(self, texts: list[str]) -> dict[str, torch.Tensor | ItemFailure]:
        def forward(some: Sequence[str]) -> list[torch.Tensor | ItemFailure]:
            return list(self._encoder.embed_texts(some))

        return dict(zip(texts, self._encoder.in_batches(texts, forward), strict=True))

    def _one(
        self,
        request: ScoringRequest,
        parts: Parts,
        vectors: dict[str, torch.Tensor | ItemFailure],
    ) -> SentenceScore | ItemFailure:
        cosines = []
        for window in parts.windows:
            vector = vectors[request.text[window.start : window.end]]
            if isinstance(vector, ItemFailure):
                return vector
            cosines.append(float((vector.float() * parts.image.float()).sum()))
        score = self._scaled(weighted_mean(cosines, parts.windows))
        return SentenceScore(score, parts=len(parts.windows))

    def _scaled(self, cosine: float) -> float:
        if self.params.score == "cosine":
            return cosine
        model = self._encoder.model
        if hasattr(model, "temperature"):  # ALIGN divides by what others multiply by
            return cosine / float(model.temperature)
        bias = getattr(model, "logit_bias", None)
        return cosine * float(model.logit_scale.exp()) + (float(bias) if bias is not None else 0.0)
