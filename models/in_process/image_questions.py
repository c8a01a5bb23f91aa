"""Several questions about one image: what they have in common goes through the model once.

Questions about an image differ in the sentence that they quote, and begin alike: with the image,
which is most of their tokens. That beginning is read once, and each question goes on from there.
Their tokens are those that the model is given otherwise, one for one.
"""

from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from enum import Enum, auto
from itertools import groupby
from typing import Any, NamedTuple

import torch
from PIL import Image

from alignbench.models.in_process.cached_pass import repeat_cache
from alignbench.models.in_process.forward_pass import last_scores_only, placed_inputs
from alignbench.models.in_process.model_inputs import (
    Tensors,
    along_tokens,
    extended,
    repeated,
    shortened,
)
from alignbench.models.in_process.vision_language import VisionLanguageModel


class Sharing(Enum):
    """Which questions about an image go on together from their common beginning."""

    ALL = auto()
    """All of them; shorter ones have a gap before them that is not looked at."""
    EQUAL_LENGTHS = auto()
    """Those of one length: the model's state is spoilt by gaps."""
    NONE = auto()
    """None: each question is read whole."""


class QuestionGroup(NamedTuple):
    """Questions that go through the model together.

    Attributes:
        places: Which of the questions they are.
        inputs: What `generate` is called with.
        length: Tokens of each row, gaps included.
    """

    places: list[int]
    inputs: Tensors
    length: int


class ImageQuestions:
    """A model that is asked something about each of some images, or several things about one.

    Args:
        model: A loaded model that is asked in a chat.
        sharing: What the questions about an image may share.
    """

    def __init__(self, model: VisionLanguageModel, sharing: Sharing) -> None:
        self.model, self.sharing = model, sharing

    @torch.inference_mode()
    def first_scores(self, images: Sequence[Image.Image], questions: Sequence[str]) -> torch.Tensor:
        """Returns the scores (questions, vocabulary) of each answer's first token."""
        found: dict[int, torch.Tensor] = {}
        for group in self._groups(images, questions):
            output = self._generate(group, 1, output_logits=True, return_dict_in_generate=True)
            found |= dict(zip(group.places, output.logits[0].float(), strict=True))
        return torch.stack([found[place] for place in range(len(questions))])

    @torch.inference_mode()
    def answers(
        self, images: Sequence[Image.Image], questions: Sequence[str], most: int
    ) -> list[list[int]]:
        """Returns the tokens of each answer, at most so many, its end included."""
        ends = self.model.ends()
        found: dict[int, list[int]] = {}
        for group in self._groups(images, questions):
            output: torch.Tensor = self._generate(group, most)
            rows = output[:, group.length :].tolist()
            found |= dict(zip(group.places, (_to_end(row, ends) for row in rows), strict=True))
        return [found[place] for place in range(len(questions))]

    def _generate(self, group: QuestionGroup, most: int, **more: bool) -> Any:
        return self.model.model.generate(
            **group.inputs, do_sample=False, max_new_tokens=most, **more
        )

    def _groups(
        self, images: Sequence[Image.Image], questions: Sequence[str]
    ) -> Iterator[QuestionGroup]:
        common = None
        is_one = len(questions) > 1 and all(image is images[0] for image in images)
        if is_one and self.sharing is not Sharing.NONE:
            common = _common(self.model, images[0], questions)
        if common is None:
            inputs = placed_inputs(self.model, images, list(questions))
            length = inputs["input_ids"].shape[1]
            yield QuestionGroup(list(range(len(questions))), inputs, length)
            return
        read = self.model.model(**common.inputs, use_cache=True, **last_scores_only(self.model, 1))
        cache = read.past_key_values
        parts = self._parts(common.rests)
        for part in parts:
            yield _continued(
                self.model, common, part, cache if part is parts[-1] else deepcopy(cache)
            )

    def _parts(self, rests: Sequence[Sequence[int]]) -> list[list[int]]:
        places = list(range(len(rests)))
        if self.sharing is Sharing.ALL:
            return [places]
        places.sort(key=lambda place: len(rests[place]))
        return [list(part) for _, part in groupby(places, key=lambda place: len(rests[place]))]


def _to_end(tokens: list[int], ends: Collection[int]) -> list[int]:
    """Returns an answer without what fills its row up behind its end."""
    end = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[: end + 1]


class _Common(NamedTuple):
    """What questions begin with, as one row of input, and the tokens that follow in each."""

    inputs: Tensors
    rests: list[list[int]]


def _common(
    model: VisionLanguageModel, image: Image.Image, questions: Sequence[str]
) -> _Common | None:
    """Returns the common beginning of questions; None where the image is not in it."""
    tokens = [model.tokens_of(model.prompt(question)) for question in questions]
    shortest = min(map(len, tokens))
    differs = (at for at in range(shortest - 1) if len({row[at] for row in tokens}) > 1)
    start = next(differs, shortest - 1)
    rests = [row[start:] for row in tokens]
    inputs = placed_inputs(model, [image], [questions[0]])
    ids = inputs["input_ids"][0].tolist()
    # Behind the image a processor leaves the tokens as they are; if not, nothing is shared.
    is_end = ids[-len(rests[0]) :] == rests[0]
    if not is_end or any(model.image_token_id in rest for rest in rests):
        return None
    return _Common(shortened(inputs, len(ids) - len(rests[0])), rests)


def _continued(
    model: VisionLanguageModel, common: _Common, places: list[int], cache: Any
) -> QuestionGroup:
    rests = [common.rests[place] for place in places]
    longest = max(map(len, rests))
    padding = model.tokenizer.pad_token_id
    device = model.model.device
    ids = [[*[padding] * (longest - len(rest)), *rest] for rest in rests]
    mask = [[0] * (longest - len(rest)) + [1] * len(rest) for rest in rests]
    rows = {name: common.inputs[name] for name in along_tokens(common.inputs)}
    whole = extended(
        repeated(rows, len(rests)),
        torch.tensor(ids, device=device),
        torch.tensor(mask, device=device),
    )
    repeat_cache(cache, len(rests))
    length = whole["input_ids"].shape[1]
    return QuestionGroup(places, {**whole, "past_key_values": cache}, length)
