"""What a plug-in must be: sources, captioners and image generators.

A plug-in is a class behind an entry point (see `schemas.registry`). It is made once per process
from validated options, then called with batches. One item's failure is a value, `ItemFailure`,
never an exception; an exception means that the whole backend cannot go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from alignbench.schemas.columns import Bool, Str
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import FailureKind


class Options(BaseModel):
    """Base of what a plug-in can be configured with; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoOptions(Options):
    """For a plug-in that has nothing to configure."""


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """One item could not be done: why, in a stable code and a sentence."""

    code: str
    message: str
    kind: FailureKind = FailureKind.FAILED


class ItemFailureAt(NamedTuple):
    """An entry of a source that cannot even be offered, such as a path that climbs out."""

    locator: str
    failure: ItemFailure


class Surroundings(NamedTuple):
    """Where a plug-in finds itself.

    Attributes:
        name: The name that the configuration gave this plug-in.
        folder: What relative paths in the configuration are relative to.
        allow_private_addresses: Whether URLs may lead to private, link-local and loopback hosts.
    """

    name: str
    folder: Path
    allow_private_addresses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """One image that a source offers, before its bytes are read.

    Attributes:
        locator: What finds the image again inside the source, stable from run to run.
        image_name: The name people know it by, such as a file name.
        caption: A caption that came with it, if the source has captions.
        caption_model: The model that wrote that caption.
    """

    locator: Str
    image_name: Str
    image_url: Str | None = None
    license: Str | None = None
    redistributable: Bool | None = None
    domain: Str | None = None
    caption: Str | None = None
    caption_model: Str | None = None


class Source(Protocol):
    """A place that images come from."""

    options_type: ClassVar[type[Options]]

    def __init__(self, options: Options, surroundings: Surroundings) -> None: ...

    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields what the source offers, without reading image bytes; streams."""
        ...

    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Returns the encoded bytes of each item's image, in order."""
        ...


@runtime_checkable
class ListedFromFiles(Protocol):
    """A source whose listing follows from its options and from some files alone.

    Attributes:
        options: Its own keys of the configuration.
    """

    options: Options

    def listing_files(self) -> Sequence[Path]:
        """Returns the files that the listing is read from."""
        ...


@runtime_checkable
class NotingSource(Protocol):
    """A source that has something to tell of its last listing besides its items."""

    def notes(self) -> Sequence[str]:
        """Returns sentences that an operator should read; none before a listing has ended."""
        ...


@dataclass(frozen=True, slots=True)
class CaptionInput:
    """An image to be captioned.

    Attributes:
        image_id: SHA-256 of the bytes.
        data: The encoded image; empty for a captioner that does not read pixels.
        caption: The caption that came with the image, for the precomputed backend.
    """

    image_id: str
    data: bytes
    caption: str | None = None


class CaptionRequest(NamedTuple):
    """An image of a stream, and the seed of its caption."""

    image: CaptionInput
    seed: int


class ImageRequest(NamedTuple):
    """A prompt of a stream, and the seed of its image."""

    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Generation:
    """A text that a model wrote.

    Attributes:
        text: As the model gave it.
        finish_reason: Why it stopped, in the engine's words, if it says.
        engine: Versions and settings that made it; lineage, not identity.
        prompt_tokens: Tokens of the request, where they are counted.
        completion_tokens: Tokens of the answer, where they are counted.
        seconds: Time it took, this item's share of its batch.
    """

    text: str
    finish_reason: str | None = None
    engine: Mapping[str, JsonValue] = field(default_factory=dict)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """An image that a model made: encoded bytes (PNG), and what made it."""

    data: bytes
    engine: Mapping[str, JsonValue] = field(default_factory=dict)
    seconds: float | None = None


class PromptItem(NamedTuple):
    """A prompt that images are to be made from, and what it is about."""

    text: str
    concepts: tuple[str, ...] = ()


class PromptSource(Protocol):
    """A place that prompts come from."""

    options_type: ClassVar[type[Options]]

    def __init__(self, options: Options, surroundings: Surroundings) -> None: ...

    def prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts; streams."""
        ...


@runtime_checkable
class PromptWriter(Protocol):
    """A prompt source whose prompts cost something to make, and are kept once made."""

    def known_prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts that were made before; makes none."""
        ...

    def missing(self) -> int:
        """Returns how many prompts are still to be made."""
        ...

    def example_request(self) -> str:
        """Returns the words of one request for a prompt, by which its length is estimated."""
        ...

    def complete(self, most: int | None = None) -> int:
        """Makes prompts that are missing, all or at most so many, and keeps them.

        Returns:
            How many it made.
        """
        ...


class Captioner(Protocol):
    """A model that writes captions for images.

    Attributes:
        options_type: How the backend is reached or run; not part of a generator's identity.
        params_type: What is sent to the engine; part of a generator's identity.
        forward_batch: How many images the model takes at once.
        reads_pixels: False if only `CaptionInput.caption` is used.
    """

    options_type: ClassVar[type[Options]]
    params_type: ClassVar[type[Options]]
    reads_pixels: ClassVar[bool]
    forward_batch: int

    def __init__(
        self, repo: str, revision: str | None, options: Options, params: Options
    ) -> None: ...

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        """Returns the revision that `repo` stands for now; None where there is no such thing."""
        ...

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        """Returns one caption, or one failure, for each image, in order."""
        ...


@runtime_checkable
class StreamingCaptioner(Protocol):
    """A captioner that is kept busy from one batch to the next, by taking images as it can."""

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields what `caption` would give, each with its request's place from 0, in any order.

        Args:
            requests: Read as far ahead as the engine needs, perhaps from another thread.
            instruction: What is asked of each image.
        """
        ...


class ImageGenerator(Protocol):
    """A model that makes images from prompts; the attributes are those of `Captioner`."""

    options_type: ClassVar[type[Options]]
    params_type: ClassVar[type[Options]]
    forward_batch: int

    def __init__(
        self, repo: str, revision: str | None, options: Options, params: Options
    ) -> None: ...

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        """Returns the revision that `repo` stands for now; None where there is no such thing."""
        ...

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[GeneratedImage | ItemFailure]:
        """Returns one image, or one failure, for each prompt, in order."""
        ...


@runtime_checkable
class StreamingImageGenerator(Protocol):
    """An image generator that is kept busy from one batch to the next."""

    def generate_stream(
        self, requests: Iterator[ImageRequest]
    ) -> Iterator[tuple[int, GeneratedImage | ItemFailure]]:
        """Yields what `generate` would give, each with its request's place from 0, in any order."""
        ...
