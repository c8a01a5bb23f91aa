"""A captioner's own log-likelihood of the sentence, given the image."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, NamedTuple

from PIL import Image
from pydantic import Field, JsonValue

from alignbench.evaluation.detector_parts.image_groups import scored_by_image
from alignbench.evaluation.detector_parts.sentence_likelihood import SentenceLikelihood
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options


class LikelihoodOptions(InProcessOptions):
    """How the captioner is run; `forward_batch` sentences of one image at once."""

    forward_batch: Annotated[int, Field(ge=1, le=4096)] = 32


class LikelihoodParams(Options):
    """What the sentence follows on.

    Attributes:
        instruction: What the captioner is asked before the sentence. A model that writes only when
            asked has a default.
        chat_template_kwargs: Given to the model's chat template, as `{"enable_thinking": false}`.
    """

    instruction: str | None = None
    chat_template_kwargs: dict[str, JsonValue] = Field(default_factory=dict)


class _Asked(NamedTuple):
    """A sentence's place among the requests of its image, and its tokens."""

    place: int
    tokens: list[int]


class LikelihoodDetector(HubRevision, DetectorBase[LikelihoodOptions, LikelihoodParams]):
    """A captioner: the mean log probability of the sentence's tokens, in nats."""

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the captioner."""
        placement = choose_placement(self.options)
        weights = find_weights(self.repo, self.revision)
        model = load_vision_language(
            weights, self.options, placement, template_options=self.params.chat_template_kwargs
        )
        self._likelihood = SentenceLikelihood(model, self.params.instruction)

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the mean log probability of each sentence's tokens."""
        return scored_by_image(requests, self._of_image)

    def _of_image(
        self, image: Image.Image, own: Sequence[ScoringRequest]
    ) -> list[SentenceScore | ItemFailure]:
        results: dict[int, SentenceScore | ItemFailure] = {}
        asked = []
        for place, request in enumerate(own):
            tokens = self._tokens(request.text)
            if isinstance(tokens, ItemFailure):
                results[place] = tokens
            else:
                asked.append(_Asked(place, tokens))
        asked.sort(key=lambda item: len(item.tokens))

        def forward(some: Sequence[_Asked]) -> list[SentenceScore | ItemFailure]:
            means = self._likelihood.means(image, [item.tokens for item in some])
            return [
                self._too_long(item.tokens) if mean is None else SentenceScore(mean)
                for item, mean in zip(some, means, strict=True)
            ]

        size = self.options.forward_batch
        for start in range(0, len(asked), size):
            some = asked[start : start + size]
            for item, result in zip(some, halved_on_memory(some, forward), strict=True):
                results[item.place] = result
        return [results[place] for place in range(len(own))]

    def _tokens(self, sentence: str) -> list[int] | ItemFailure:
        failure = self._likelihood.model.mistaken_for_image(sentence)
        if failure is not None:
            return failure
        tokens = self._likelihood.tokens(sentence.strip())
        if not tokens:
            return ItemCode.SENTENCE_EMPTY.failure("The sentence has no words.")
        return tokens

    def _too_long(self, tokens: Sequence[int]) -> ItemFailure:
        return ItemCode.SENTENCE_TOO_LONG.failure(
            f"The sentence has {len(tokens):,} tokens; behind image and prompt the captioner does "
            "not read as many."
        )
