"""Conversations with an image-to-text model that runs in this process."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from PIL import Image

from alignbench.generators.captioners.transformers_writing import TransformersWriter, Written
from alignbench.models.answers.thoughts import ends_in_open_thought
from alignbench.models.in_process.chat import chat_prompt
from alignbench.models.in_process.forward import halved_on_memory, prepared_ahead
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.chat import ChatAnswer, ChatRequest
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.protocols import ItemFailure


class _Ready(NamedTuple):
    """A conversation as the model is given it."""

    prompt: str
    image: Image.Image | None
    seed: int


def written_answers(
    writer: TransformersWriter, requests: Iterator[ChatRequest], batch: int
) -> Iterator[tuple[int, ChatAnswer | ItemFailure]]:
    """Yields what a model writes, in order; the next batch is decoded while it is at work.

    Args:
        writer: The model.
        requests: What is asked.
        batch: How many the model takes at once.
    """

    def prepare(some: Sequence[ChatRequest]) -> list[_Ready | ItemFailure]:
        return [_ready(writer, request) for request in some]

    start = 0
    for _, prepared in prepared_ahead(requests, batch, prepare):
        yield from enumerate(_answers(writer, prepared), start)
        start += len(prepared)


def _ready(writer: TransformersWriter, request: ChatRequest) -> _Ready | ItemFailure:
    image = None
    if request.image is not None:
        try:
            image = rgb_pixels(request.image.data, request.image.image_id)
        except ItemError as error:
            return error.failure
    prompt = chat_prompt(writer.model, request.turns, with_image=image is not None)
    return prompt if isinstance(prompt, ItemFailure) else _Ready(prompt, image, request.seed)


def _answers(
    writer: TransformersWriter, prepared: Sequence[_Ready | ItemFailure]
) -> list[ChatAnswer | ItemFailure]:
    """Returns the answers of a batch; those with an image and those without go in apart."""
    ready = {place: one for place, one in enumerate(prepared) if isinstance(one, _Ready)}
    found: dict[int, ChatAnswer | ItemFailure] = {
        place: one for place, one in enumerate(prepared) if isinstance(one, ItemFailure)
    }
    for shown in (True, False):
        group = [place for place, one in ready.items() if (one.image is not None) is shown]
        items = [ready[place] for place in group]
        written = halved_on_memory(items, lambda some: _written(writer, some)) if items else []
        found |= dict(zip(group, written, strict=True))
    return [found[place] for place in range(len(prepared))]


def _written(writer: TransformersWriter, some: Sequence[_Ready]) -> list[ChatAnswer | ItemFailure]:
    images = [one.image for one in some if one.image is not None]
    inputs = writer.model.inputs(images, [one.prompt for one in some])
    if len(some) > 1 and not writer.leaves_room(inputs):
        # The longest conversation of a batch would take the others' room.
        return [answer for one in some for answer in _written(writer, [one])]
    written = writer.write(inputs, [one.seed for one in some])
    return [_answer(writer, *pair) for pair in zip(some, written, strict=True)]


def _answer(
    writer: TransformersWriter, asked: _Ready, written: Written | ItemFailure
) -> ChatAnswer | ItemFailure:
    if isinstance(written, ItemFailure):
        return written
    raw = replace(written.raw, begins_in_thought=ends_in_open_thought(asked.prompt))
    return ChatAnswer(raw, {**writer.lineage, **written.lineage}, seconds=written.seconds)
