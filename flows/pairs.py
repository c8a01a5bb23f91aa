"""Rows of `pairs`, from what a captioner or an image generator gave."""

from collections.abc import Mapping

from alignbench.schemas import ids
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.protocols import GeneratedImage, Generation
from alignbench.schemas.rows import Generator, Pair, Prompt
from alignbench.schemas.text import CleanText
from alignbench.schemas.vocabulary import Direction


def caption_pair(
    pair_id: str,
    image_id: str,
    sample_index: int,
    text: CleanText,
    answer: Generation,
    generator: Generator,
) -> Pair:
    """Returns the pair of an image and a caption that was written for it."""
    return Pair(
        pair_id=pair_id,
        generator_id=generator.generator_id,
        direction=Direction.I2T,
        model=generator.model,
        image_id=image_id,
        prompt_id=None,
        sample_index=sample_index,
        text=text.text,
        text_sha256=ids.text_sha256(text.text),
        seed=ids.item_seed(pair_id),
        finish_reason=answer.finish_reason,
        engine=_lineage(answer.engine, text.removed),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=answer.seconds,
    )


def image_pair(
    pair_id: str,
    image_id: str,
    sample_index: int,
    prompt: Prompt,
    answer: GeneratedImage,
    generator: Generator,
) -> Pair:
    """Returns the pair of a prompt and an image that was made from it."""
    return Pair(
        pair_id=pair_id,
        generator_id=generator.generator_id,
        direction=Direction.T2I,
        model=generator.model,
        image_id=image_id,
        prompt_id=prompt.prompt_id,
        sample_index=sample_index,
        text=prompt.text,
        text_sha256=ids.text_sha256(prompt.text),
        seed=ids.item_seed(pair_id),
        finish_reason=None,
        engine=_lineage(answer.engine, 0),
        prompt_tokens=None,
        completion_tokens=None,
        seconds=answer.seconds,
    )


def _lineage(engine: Mapping[str, JsonValue], removed: int) -> str:
    counted = {"removed_characters": removed} if removed else {}
    return ids.canonical_json({**engine, **counted})
