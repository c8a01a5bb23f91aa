"""What captioners and image generators are to make, and the rows of `pairs` that come of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from alignbench.schemas import ids
from alignbench.schemas.columns import Int, Str
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.protocols import GeneratedImage, Generation
from alignbench.schemas.rows.generation import Generator, Pair
from alignbench.schemas.text import CleanText
from alignbench.schemas.vocabulary import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionItem:
    """One caption to be written.

    Attributes:
        key: The pair's id.
        scope: The generator's id.
        image_id: The image.
        sample_index: Which of several captions for this image, from 0.
        blob: Where the image lies, if pixels are read.
        caption: The caption that came with the image, if it did.
    """

    key: Str
    scope: Str
    image_id: Str
    sample_index: Int = 0
    blob: Str | None = None
    caption: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagineItem:
    """One image to be made; `key` is the pair's id, `scope` the generator's."""

    key: Str
    scope: Str
    prompt_id: Str
    text: Str
    sample_index: Int


def caption_pair(
    item: CaptionItem, text: CleanText, answer: Generation, generator: Generator
) -> Pair:
    """Returns the pair of an image and a caption that was written for it."""
    return Pair(
        pair_id=item.key,
        generator_id=generator.generator_id,
        direction=Direction.I2T,
        model=generator.model,
        image_id=item.image_id,
        prompt_id=None,
        sample_index=item.sample_index,
        text=text.text,
        text_sha256=ids.text_sha256(text.text),
        seed=ids.item_seed(item.key),
        finish_reason=answer.finish_reason,
        engine=_lineage(answer.engine, text.removed),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=answer.seconds,
    )


def image_pair(
    item: ImagineItem, image_id: str, answer: GeneratedImage, generator: Generator
) -> Pair:
    """Returns the pair of a prompt and an image that was made from it."""
    return Pair(
        pair_id=item.key,
        generator_id=generator.generator_id,
        direction=Direction.T2I,
        model=generator.model,
        image_id=image_id,
        prompt_id=item.prompt_id,
        sample_index=item.sample_index,
        text=item.text,
        text_sha256=ids.text_sha256(item.text),
        seed=ids.item_seed(item.key),
        finish_reason=None,
        engine=_lineage(answer.engine, 0),
        prompt_tokens=None,
        completion_tokens=None,
        seconds=answer.seconds,
    )


def _lineage(engine: Mapping[str, JsonValue], removed: int) -> str:
    counted = {"removed_characters": removed} if removed else {}
    return ids.canonical_json({**engine, **counted})
