"""Rows of what is generated: images, prompts, models, pairs, and the sentences of their texts."""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Int, Long, Real, Str
from alignbench.schemas.vocabulary import Direction, ImageType


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One place an image came from. An image found in two sources has two origins."""

    origin_id: Str
    image_id: Str
    source: Str
    locator: Str
    image_name: Str
    image_url: Str | None = None
    license: Str | None = None
    redistributable: Bool | None = None
    domain: Str | None = None
    caption: Str | None = None
    caption_model: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by content: `image_id` is the SHA-256 of the stored bytes."""

    image_id: Str
    image_type: ImageType
    width: Int
    height: Int
    format: Str
    blob: Str
    perceptual_hash: Str
    normalised: tuple[Str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A text that images are made from."""

    prompt_id: Str
    text: Str
    origin: Str
    concepts: tuple[Str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A model with everything that is sent to it. `params` is canonical JSON."""

    generator_id: Str
    direction: Direction
    model: Str
    family: Str
    backend: Str
    repo: Str
    revision: Str | None
    requested_revision: Str | None
    instruction: Str | None
    params: Str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image and a text: a caption written for it (i2t) or the prompt it was made from (t2i)."""

    pair_id: Str
    generator_id: Str
    direction: Direction
    model: Str
    image_id: Str
    prompt_id: Str | None
    sample_index: Int
    text: Str
    text_sha256: Str
    seed: Long
    finish_reason: Str | None
    engine: Str
    prompt_tokens: Int | None
    completion_tokens: Int | None
    seconds: Real | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitter:
    """A sentence splitter that this workspace uses; the highest version is the frozen one."""

    splitter_id: Str
    model: Str
    model_version: Str
    rules_version: Int
    version: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a pair's text: the unit of annotation. `sentence_index` counts from 0."""

    sentence_id: Str
    pair_id: Str
    generator_id: Str
    direction: Direction
    model: Str
    image_id: Str
    prompt_id: Str | None
    text_sha256: Str
    sentence_index: Int
    text: Str
    start: Int
    end: Int
    splitter_id: Str
