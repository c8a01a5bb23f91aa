"""A vision-language model in this process, asked whether the sentence is true of the image."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from PIL import Image
from pydantic import Field

from alignbench.evaluation.errors import ModelShapeError
from alignbench.evaluation.model_replies import ASKED_AGAIN, scored_answer
from alignbench.evaluation.prompts import ask_again, asked
from alignbench.models.answers.reading import RawAnswer
from alignbench.models.answers.yes_no import first_token_words
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.vision_language import load_vision_language
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options

PROMPTS = {"score": "score_v1", "yes_no": "yes_no_v1"}
"""The prompt of each kind of answer."""

_WRITTEN = ("yes", "Yes", "YES", " yes", " Yes", "no", "No", "NO", " no", " No")


class VlmParams(Options):
    """What is taken as the score.

    Attributes:
        answer: `score`: the number from 0 to 100 that the model writes; `yes_no`: the probability
            of yes over that of yes or no, from the scores of the answer's first token.
        max_new_tokens: Most tokens of an answer.
    """

    answer: Literal["score", "yes_no"] = "score"
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 16


class _Shown(NamedTuple):
    """A sentence's place among the requests, its image, and what is asked."""

    place: int
    image: Image.Image
    text: str


class VlmDetector(HubRevision, DetectorBase[InProcessOptions, VlmParams]):
    """An image-to-text model with a chat template.

    Raises:
        ModelShapeError: It has none, or its tokenizer begins yes and no alike.
    """

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model, and checks that it can be asked."""
        if self.prompt is None:
            raise ConfigError("A vlm detector has no prompt.", "Name one, such as score_v1.")
        self._prompt = self.prompt
        self._placement = choose_placement(self.options)
        weights = find_weights(self.repo, self.revision)
        self._model = load_vision_language(weights, self.options, self._placement)
        if not self._model.chat:
            raise ModelShapeError(
                f"{self.repo} has no chat template, so it cannot be asked about a sentence.",
                "Name a model that is asked in a chat, or use its likelihood.",
            )
        words = {word: self._model.tokenizer(word, add_special_tokens=False)["input_ids"]
                 for word in _WRITTEN}  # fmt: skip
        self._yes, self._no = first_token_words(words)
        if self.params.answer == "yes_no" and not (self._yes and self._no):
            raise ModelShapeError(
                f"{self.repo} begins yes and no with one token.", "Use answer=score."
            )

    @classmethod
    def default_prompt(cls, params: VlmParams) -> str | None:
        """Returns the name of the prompt for the kind of answer."""
        return PROMPTS[params.answer]

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the score of each sentence."""
        results: dict[int, SentenceScore | ItemFailure] = {}
        shown = []
        for place, request in enumerate(requests):
            failure = self._model.mistaken_for_image(request.text)
            if failure is not None:
                results[place] = failure
                continue
            try:
                image = rgb_pixels(request.image, request.image_id)
            except ItemError as error:
                results[place] = error.failure
                continue
            shown.append(_Shown(place, image, asked(self._prompt, request.text)))
        answer = self._written if self.params.answer == "score" else self._weighed
        size = self.options.forward_batch
        for start in range(0, len(shown), size):
            some = shown[start : start + size]
            for item, result in zip(some, halved_on_memory(some, answer), strict=True):
                results[item.place] = result
        return [results[place] for place in range(len(requests))]

    def _weighed(self, some: Sequence[_Shown]) -> list[SentenceScore | ItemFailure]:
        """Returns the probability of yes, from the scores of the first token."""
        inputs = self._inputs(some)
        with torch.inference_mode():
            last = self._model.model(**inputs).logits[:, -1].float()
        yes, no = last[:, self._yes].logsumexp(dim=1), last[:, self._no].logsumexp(dim=1)
        return [SentenceScore(float(value)) for value in torch.sigmoid(yes - no)]

    def _written(self, some: Sequence[_Shown]) -> list[SentenceScore | ItemFailure]:
        """Returns the numbers that are written; what is none is asked for once more."""
        first = [scored_answer(RawAnswer(answer)) for answer in self._answers(some)]
        again = [item._replace(text=f"{item.text}\n\n{ask_again()}")
                 for item, score in zip(some, first, strict=True)
                 if _is_asked_again(score)]  # fmt: skip
        second = iter(self._answers(again)) if again else iter(())
        return [
            scored_answer(RawAnswer(next(second))) if _is_asked_again(score) else score
            for score in first
        ]

    def _answers(self, some: Sequence[_Shown]) -> list[str]:
        inputs = self._inputs(some)
        with torch.inference_mode():
            output = self._model.model.generate(
                **inputs, do_sample=False, max_new_tokens=self.params.max_new_tokens
            )
        written = self._model.generated(inputs, output).cpu()
        decoded: list[str] = self._model.tokenizer.batch_decode(written, skip_special_tokens=True)
        return decoded

    def _inputs(self, some: Sequence[_Shown]) -> Any:
        inputs = self._model.prepare([item.image for item in some], [item.text for item in some])
        return inputs.to(self._placement.device, self._placement.dtype)


def _is_asked_again(score: SentenceScore | ItemFailure) -> bool:
    return isinstance(score, ItemFailure) and score.code in ASKED_AGAIN
