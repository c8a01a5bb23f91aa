"""CLIP4DM: which words speak against the image, and F-CLIPScore (Nam et al., AAAI 2025).

F-CLIPScore = (1 - cosine) times the sum of the attributions of the words found misaligned: 0 for a
sentence without such words, lower the more speaks against it.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal, NamedTuple

import torch

from alignbench.evaluation.detector_parts.attention_attribution import Gradient, token_attributions
from alignbench.evaluation.detector_parts.dual_encoder import (
    DualEncoder,
    Parts,
    parts_of,
    weighted_mean,
)
from alignbench.evaluation.detector_parts.misaligned_words import (
    lowest_phrase,
    lowest_word,
    misaligned_phrases,
    misaligned_words,
)
from alignbench.evaluation.detector_parts.words import words_from_tokens
from alignbench.evaluation.detectors.clip import DualEncoderOptions
from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.weights import HubRevision
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options
from alignbench.schemas.rows.spans import WordScore

_EAGER: Final = {"text_config": "eager", "vision_config": "sdpa"}


class Clip4dmOptions(DualEncoderOptions):
    """How the model is run; attributions are small numbers, so in full precision by default."""

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "float32"


class Clip4dmParams(Options):
    """What counts as misaligned. Defaults are those of the published code.

    Attributes:
        start_layer: First layer of the text tower that counts, from the end if negative.
        end_layer: Layer before which it ends; all if not given.
        epsilon: A word is misaligned if its attribution is below this.
        gradient: `full`, or one of two ablations: `negative_heads` counts only the negative
            gradients of each head, `negative_layers` only what is negative in a layer's mean over
            heads.
        mode: Whose attributions the score sums up. `threshold`: all misaligned words but
            punctuation; `most_negative`: the lowest word, misaligned or not; `lowest_phrase`: the
            mean of the lowest run of misaligned words, as the published evaluation of HAT.
        prefix: Put before each sentence; its words are left out.
        long_text: As for `clip`.
    """

    start_layer: int = -3
    end_layer: int | None = None
    epsilon: float = -5e-5
    gradient: Gradient = "full"
    mode: Literal["threshold", "most_negative", "lowest_phrase"] = "threshold"
    prefix: str = "A photo depicts "
    long_text: Literal["parts", "fail"] = "parts"


class _Part(NamedTuple):
    """A part of a sentence that is to be read."""

    request: int
    window: int
    text: str


class _Read(NamedTuple):
    """What was read of a part: its cosine, and its words with offsets in the part."""

    cosine: float
    words: tuple[WordScore, ...]


class Clip4dmDetector(HubRevision, DetectorBase[Clip4dmOptions, Clip4dmParams]):
    """A CLIP model, its text tower asked for the gradients of its attention."""

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model, and checks that it has the layers that are looked at."""
        params = self.params
        self._encoder = DualEncoder(self.repo, self.revision, self.options, params.prefix, _EAGER)
        model = self._encoder.model
        layers = getattr(getattr(model.text_model, "encoder", None), "layers", None)
        chosen = (layers or [])[params.start_layer : params.end_layer]
        if model.config.model_type != "clip" or not len(chosen):
            raise ModelShapeError(
                f"{self.repo} has no CLIP text tower with layers from {params.start_layer} "
                f"to {params.end_layer}.",
                "Name a CLIP model, and layers that it has.",
            )

    @classmethod
    def word_threshold(cls, params: Clip4dmParams) -> float:
        """Returns epsilon."""
        return params.epsilon

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns F-CLIPScore and word attributions of each sentence."""
        allow_parts = self.params.long_text == "parts"
        found = parts_of(self._encoder, requests, allow_parts=allow_parts)
        waiting = [
            _Part(number, window, requests[number].text[cut.start : cut.end])
            for number, parts in enumerate(found)
            if isinstance(parts, Parts)
            for window, cut in enumerate(parts.windows)
        ]
        waiting.sort(key=lambda part: len(part.text))  # like with like, so that little is padding

        def forward(some: Sequence[_Part]) -> list[_Read | ItemFailure]:
            return self._read(some, found)

        read = self._encoder.in_batches(waiting, forward)
        of_part = {(part.request, part.window): r for part, r in zip(waiting, read, strict=True)}
        return [
            parts if isinstance(parts, ItemFailure) else self._one(request, number, parts, of_part)
            for number, (request, parts) in enumerate(zip(requests, found, strict=True))
        ]

    def _read(
        self, some: Sequence[_Part], found: Sequence[Parts | ItemFailure]
    ) -> list[_Read | ItemFailure]:
        images = [parts.image for p in some if isinstance(parts := found[p.request], Parts)]
        texts = [self.params.prefix + part.text for part in some]
        tokens, places = self._encoder.tokens_and_offsets([part.text for part in some])
        result = token_attributions(
            self._encoder.model,
            tokens,
            torch.stack(images),
            self.params.start_layer,
            self.params.end_layer,
            self.params.gradient,
        )
        begin = len(self.params.prefix)
        rows = zip(texts, places.tolist(), result.tokens.tolist(), result.ends.tolist(),
                   result.cosine.tolist(), strict=True)  # fmt: skip
        return [
            _Read(cosine, words_from_tokens(text, offsets[1:end], scores[1:end], begin))
            for text, offsets, scores, end, cosine in rows
        ]

    def _one(
        self,
        request: ScoringRequest,
        number: int,
        parts: Parts,
        of_part: dict[tuple[int, int], Any],
    ) -> SentenceScore | ItemFailure:
        words: list[WordScore] = []
        cosines = []
        for window, cut in enumerate(parts.windows):
            read: _Read | ItemFailure = of_part[number, window]
            if isinstance(read, ItemFailure):
                return read
            cosines.append(read.cosine)
            words += [
                WordScore(start=cut.start + word.start, end=cut.start + word.end, score=word.score)
                for word in read.words
            ]
        cosine = max(weighted_mean(cosines, parts.windows), 0.0)  # as CLIPScore
        negative = self._misaligned(request.text, words)
        return SentenceScore((1.0 - cosine) * negative, tuple(words), len(parts.windows))

    def _misaligned(self, text: str, words: Sequence[WordScore]) -> float:
        """Returns what the misaligned words come to; 0 without one."""
        if self.params.mode == "most_negative":
            word = lowest_word(words)
            return 0.0 if word is None else word.score
        if self.params.mode == "lowest_phrase":
            phrase = lowest_phrase(misaligned_phrases(text, words, self.params.epsilon))
            return 0.0 if phrase is None else phrase.score
        return sum(word.score for word in misaligned_words(text, words, self.params.epsilon))
