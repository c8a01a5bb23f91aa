"""RefCLIPScore: CLIPScore, and how near the sentence is to what people wrote (Hessel et al., 2021).

RefCLIPScore is the harmonic mean of 2.5 max(cos(sentence, image), 0) and of the highest
2.5 max(cos(sentence, reference), 0). References are those that an imported set has of its images.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch

from alignbench.evaluation.detector_parts.dual_encoder import DualEncoder, Parts, parts_of
from alignbench.evaluation.detector_parts.text_window import Window
from alignbench.evaluation.detectors.clip import DualEncoderOptions
from alignbench.models.in_process.weights import HubRevision
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options
from alignbench.schemas.vocabulary import FailureKind

_SCALE = 2.5
_MANY = 1_000


class RefClipParams(Options):
    """What the score is.

    Attributes:
        references: `all` of a sentence's, or the `first` alone, which is what CLIP4DM's published
            code comes to.
        prefix: Put before each sentence and reference.
        long_text: As for `clip`, of the sentence; a reference is read in parts.
    """

    references: Literal["all", "first"] = "all"
    prefix: str = "A photo depicts "
    long_text: Literal["parts", "fail"] = "parts"


class RefClipDetector(HubRevision, DetectorBase[DualEncoderOptions, RefClipParams]):
    """A CLIP model that compares a sentence with its image and with references."""

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model."""
        self._encoder = DualEncoder(self.repo, self.revision, self.options, self.params.prefix)

    @classmethod
    def most_references(cls, params: RefClipParams) -> int:
        """Returns 1 if the first one alone counts."""
        return 1 if params.references == "first" else _MANY

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns RefCLIPScore of each sentence; one without a reference fails."""
        allow_parts = self.params.long_text == "parts"
        found = parts_of(self._encoder, requests, allow_parts=allow_parts)
        texts = sorted({reference for request in requests for reference in request.references})
        cuts = dict(zip(texts, self._encoder.windows(texts), strict=True))
        for request, parts in zip(requests, found, strict=True):
            if isinstance(parts, Parts):
                cuts[request.text] = parts.windows
        vectors = self._embedded(cuts)
        return [
            parts if isinstance(parts, ItemFailure) else self._one(request, parts, vectors)
            for request, parts in zip(requests, found, strict=True)
        ]

    def _embedded(self, cuts: dict[str, list[Window]]) -> dict[str, torch.Tensor | ItemFailure]:
        """Returns the mean vector of each text's parts, by their length."""
        pieces = [(text, cut) for text, windows in cuts.items() for cut in windows]
        pieces.sort(key=lambda piece: piece[1].end - piece[1].start)

        def forward(
            some: Sequence[tuple[str, Window]],
        ) -> list[torch.Tensor | ItemFailure]:
            return list(self._encoder.embed_texts([text[a:b] for text, (a, b) in some]).float())

        read = dict(zip(pieces, self._encoder.in_batches(pieces, forward), strict=True))
        return {
            text: _mean([(read[text, cut], cut.end - cut.start) for cut in windows])
            for text, windows in cuts.items()
            if windows
        }

    def _one(
        self,
        request: ScoringRequest,
        parts: Parts,
        vectors: dict[str, torch.Tensor | ItemFailure],
    ) -> SentenceScore | ItemFailure:
        spoken = vectors[request.text]
        if isinstance(spoken, ItemFailure):
            return spoken
        references = []
        for reference in request.references:
            vector = vectors.get(reference)
            if isinstance(vector, ItemFailure):
                return vector
            if vector is not None:
                references.append(vector)
        if not references:
            return ItemCode.REFERENCES_ABSENT.failure(
                "The release has no reference captions for this sentence.", FailureKind.EMPTY
            )
        seen = _SCALE * max(float(spoken @ parts.image.float()), 0.0)
        said = _SCALE * max(0.0, *(float(spoken @ vector) for vector in references))
        score = 2 * seen * said / (seen + said) if seen + said else 0.0
        return SentenceScore(score, parts=len(parts.windows))


def _mean(
    parts: Sequence[tuple[torch.Tensor | ItemFailure, int]],
) -> torch.Tensor | ItemFailure:
    """Returns the mean of vectors, each with its weight; the failure of the first that has one."""
    weighted = []
    for vector, weight in parts:
        if isinstance(vector, ItemFailure):
            return vector
        weighted.append(vector * weight)
    return torch.stack(weighted).sum(dim=0) / sum(weight for _, weight in parts)
