"""A vision-language model in this process, asked whether the sentence is true of the image."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from PIL import Image
from pydantic import Field, JsonValue

from alignbench.evaluation.detector_parts.model_replies import ASKED_AGAIN, scored_answer
from alignbench.evaluation.errors import ModelShapeError
from alignbench.evaluation.prompts import PROMPT_OF_ANSWER, ask_again, asked
from alignbench.models.answers.thoughts import without_thoughts
from alignbench.models.answers.yes_no import first_token_words, first_word_token
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.forward_pass import placed_inputs, text_scores
from alignbench.models.in_process.image_questions import ImageQuestions, Sharing
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.probes.batches import batches_agree
from alignbench.models.in_process.probes.sharing import probe_sharing
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import DetectorBase
from alignbench.schemas.protocols import ItemFailure, Options

_WRITTEN = ("yes", "Yes", "YES", " yes", " Yes", "no", "No", "NO", " no", " No")
_BEGINS_A_TAG = ("<", "◁", "[", "｜")


class VlmParams(Options):
    """What is taken as the score.

    Attributes:
        answer: `score`: the number from 0 to 100 that the model writes; `yes_no`: the probability
            of yes over that of yes or no, from the scores of the answer's first token, behind the
            model's thoughts where it has any.
        max_new_tokens: Most tokens of an answer.
        thought_tokens: Most tokens of the thoughts before it, of models that think.
        chat_template_kwargs: Given to the model's chat template, as `{"enable_thinking": false}`.
    """

    answer: Literal["score", "yes_no"] = "score"
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 16
    thought_tokens: Annotated[int, Field(ge=0, le=65_536)] = 2048
    chat_template_kwargs: dict[str, JsonValue] = Field(default_factory=dict)


class _Shown(NamedTuple):
    """A sentence's place among the requests, its image, and what is asked."""

    place: int
    image: Image.Image
    text: str


class VlmDetector(HubRevision, DetectorBase[InProcessOptions, VlmParams]):
    """An image-to-text model with a chat template; `forward_batch` sentences of an image at once.

    Raises:
        ModelShapeError: It has none, or its tokenizer begins yes and no alike.
    """

    reads_pixels: ClassVar[bool] = True

    def load(self) -> None:
        """Loads the model, checks that it can be asked, and tries what questions may share."""
        if self.prompt is None:
            raise ConfigError("A vlm detector has no prompt.", "Name one, such as score_v1.")
        self._prompt = self.prompt
        self._model = load_vision_language(
            find_weights(self.repo, self.revision),
            self.options,
            choose_placement(self.options),
            template_options=self.params.chat_template_kwargs,
        )
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
        self._opens_thought = self._model.opens_thought()
        # One whose answer depends on what else is in the batch is asked about one image at a time.
        size = self.options.forward_batch
        self._most_images = size if size < 2 or batches_agree(self._model) else 1
        self._questions = ImageQuestions(self._model, probe_sharing(self._model).sharing)

    @classmethod
    def default_prompt(cls, params: VlmParams) -> str | None:
        """Returns the name of the prompt for the kind of answer."""
        return PROMPT_OF_ANSWER[params.answer]

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns the score of each sentence."""
        results: dict[int, SentenceScore | ItemFailure] = {}
        of_image: list[list[_Shown]] = []
        for image_id, group in groupby(enumerate(requests), lambda entry: entry[1].image_id):
            own = list(group)
            pixels = _decoded(own[0][1].image, image_id)
            of_image.append([])
            for place, request in own:
                failure = self._model.mistaken_for_image(request.text)
                if failure is not None:
                    results[place] = failure
                elif isinstance(pixels, ItemFailure):
                    results[place] = pixels
                else:
                    text = asked(self._prompt, request.text)
                    of_image[-1].append(_Shown(place, pixels, text))
        answer = self._written if self.params.answer == "score" else self._weighed
        for some in self._batches(of_image):
            for item, result in zip(some, halved_on_memory(some, answer), strict=True):
                results[item.place] = result
        return [results[place] for place in range(len(requests))]

    def _batches(self, of_image: Sequence[list[_Shown]]) -> Iterator[list[_Shown]]:
        """Yields what goes through the model at once: sentences of one image, or one of each."""
        is_shared = self._questions.sharing is not Sharing.NONE
        shared = [shown for shown in of_image if is_shared and len(shown) > 1]
        rest = [item for shown in of_image if not is_shared or len(shown) < 2 for item in shown]
        size = self.options.forward_batch
        for shown, most in (*((shown, size) for shown in shared), (rest, self._most_images)):
            for start in range(0, len(shown), most):
                yield shown[start : start + most]

    def _weighed(self, some: Sequence[_Shown]) -> list[SentenceScore | ItemFailure]:
        """Returns the probability of yes, from the scores of the first token of what is said."""
        if self._opens_thought:
            return self._weighed_behind_thought(some)
        scores = self._questions.first_scores(*_images_and_texts(some))
        likeliest = scores.argmax(dim=1).tolist()
        thinking = [
            item for item, token in zip(some, likeliest, strict=True) if self._begins_a_tag(token)
        ]
        weighed = self._weighed_behind_thought(thinking)
        behind = {item.place: score for item, score in zip(thinking, weighed, strict=True)}
        return [
            behind.get(item.place, SentenceScore(self._yes_share(row)))
            for item, row in zip(some, scores, strict=True)
        ]

    def _weighed_behind_thought(self, some: Sequence[_Shown]) -> list[SentenceScore | ItemFailure]:
        """Returns the same where a thought or a tag comes first: it is written until it is said."""
        if not some:
            return []
        most = self.params.thought_tokens + self.params.max_new_tokens
        written = self._questions.answers(*_images_and_texts(some), most)
        return [
            self._weighed_at_its_word(item, tokens)
            for item, tokens in zip(some, written, strict=True)
        ]

    def _weighed_at_its_word(
        self, item: _Shown, tokens: Sequence[int]
    ) -> SentenceScore | ItemFailure:
        pieces = [str(self._model.tokenizer.decode([token])) for token in tokens]
        place = first_word_token(pieces, begins_in_thought=self._opens_thought)
        if place is None:
            return ItemCode.ANSWER_TRUNCATED.failure(
                f"The model said neither yes nor no within {len(tokens):,} tokens, its thoughts "
                "included. Raise thought_tokens, or have it not think (chat_template_kwargs)."
            )
        inputs = placed_inputs(self._model, [item.image], item.text)
        ids = torch.tensor([tokens[: place + 1]], device=self._model.model.device)
        scores = text_scores(self._model, inputs, ids, torch.ones_like(ids))[0, -1]
        return SentenceScore(self._yes_share(scores))

    def _begins_a_tag(self, token: int) -> bool:
        """Tells whether a token begins a thought, or a wrapper around the answer."""
        text = str(self._model.tokenizer.decode([token])).strip()
        return text.startswith(_BEGINS_A_TAG)

    def _yes_share(self, scores: torch.Tensor) -> float:
        yes, no = scores[self._yes].float(), scores[self._no].float()
        return float(torch.sigmoid(yes.logsumexp(dim=0) - no.logsumexp(dim=0)))

    def _written(self, some: Sequence[_Shown]) -> list[SentenceScore | ItemFailure]:
        """Returns the numbers that are written; what is none is asked for once more."""
        first = [scored_answer(answer) for answer in self._answers(some)]
        again = [item._replace(text=f"{item.text}\n\n{ask_again()}")
                 for item, score in zip(some, first, strict=True)
                 if _is_asked_again(score)]  # fmt: skip
        second = iter(self._answers(again)) if again else iter(())
        return [scored_answer(next(second)) if _is_asked_again(score) else score for score in first]

    def _answers(self, some: Sequence[_Shown]) -> list[RawAnswer]:
        """Returns what is written, with room for thoughts where the model has any."""
        most = self.params.max_new_tokens
        room = most + self.params.thought_tokens
        answers = self._asked(some, room if self._opens_thought else most)
        thinking = [] if self._opens_thought else [
            place for place, answer in enumerate(answers)
            if not without_thoughts(answer.text).is_closed
        ]  # fmt: skip
        if thinking and room > most:
            longer = self._asked([some[place] for place in thinking], room)
            for place, answer in zip(thinking, longer, strict=True):
                answers[place] = answer
        return answers

    def _asked(self, some: Sequence[_Shown], most: int) -> list[RawAnswer]:
        written = [
            self._model.answer(tokens)
            for tokens in self._questions.answers(*_images_and_texts(some), most)
        ]
        return [
            RawAnswer(
                one.text,
                finish_reason="stop" if one.is_whole else "length",
                begins_in_thought=self._opens_thought,
                special_tokens=self._model.special_tokens,
                completion_tokens=one.tokens,
            )
            for one in written
        ]


def _images_and_texts(some: Sequence[_Shown]) -> tuple[list[Image.Image], list[str]]:
    return [item.image for item in some], [item.text for item in some]


def _decoded(data: bytes, image_id: str) -> Image.Image | ItemFailure:
    try:
        return rgb_pixels(data, image_id)
    except ItemError as error:
        return error.failure


def _is_asked_again(score: SentenceScore | ItemFailure) -> bool:
    return isinstance(score, ItemFailure) and score.code in ASKED_AGAIN
