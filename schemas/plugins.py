"""Bases that spare a plug-in what nearly every one of its kind has in common.

They are generic over the classes of its options and params, which are the plug-in's `options_type`
and `params_type` at once:

    class Bright(DetectorBase[BrightOptions, BrightParams]):
        def score(self, requests): ...

Without them, it has nothing to configure. What the engine needs is the protocol alone
(`schemas.protocols`, `schemas.detection`): a class that satisfies it without a base does as well.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, TypeVar, get_args, get_origin

# The standard library's has defaults from Python 3.13 on.
from typing_extensions import TypeVar as TypeVarWithDefault

from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.protocols import (
    CaptionInput,
    CaptionRequest,
    GeneratedImage,
    Generation,
    ImageRequest,
    ItemFailure,
    ItemFailureAt,
    NoOptions,
    Options,
    PromptItem,
    SourceItem,
    Surroundings,
)

OptionsT = TypeVarWithDefault("OptionsT", bound=Options, default=NoOptions)
ParamsT = TypeVarWithDefault("ParamsT", bound=Options, default=NoOptions)
Answer = TypeVar("Answer")


class _Plugin(ABC):  # noqa: B024 - its bases' methods are the abstract ones
    """Reads the types of options and params off the brackets behind a base's name."""

    options_type: ClassVar[type[Options]] = NoOptions

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if not (isinstance(origin, type) and issubclass(origin, _Plugin)):
                continue
            for name, kind in zip(("options_type", "params_type"), get_args(base), strict=False):
                if isinstance(kind, type):
                    setattr(cls, name, kind)
                elif not isinstance(kind, TypeVar | TypeVarWithDefault):
                    raise TypeError(f"{cls.__name__}: define {kind} above it, and name the class.")

    def load(self) -> None:  # noqa: B027 - most plug-ins have nothing to load
        """Makes ready what the plug-in works with; called once, at the end of construction."""


class _PlacedBase(_Plugin, Generic[OptionsT]):
    """What sources of images and of prompts share.

    Attributes:
        options: Its own keys of the configuration.
        surroundings: Where it finds itself.
    """

    def __init__(self, options: OptionsT, surroundings: Surroundings) -> None:
        self.options = options
        self.surroundings = surroundings
        self.load()


class SourceBase(_PlacedBase[OptionsT], Generic[OptionsT]):
    """A source of images."""

    @abstractmethod
    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields what the source offers, without reading image bytes; streams."""

    @abstractmethod
    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Returns the encoded bytes of each item's image, in order."""


class PromptSourceBase(_PlacedBase[OptionsT], Generic[OptionsT]):
    """A source of prompts."""

    @abstractmethod
    def prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts; streams."""


class _ModelBase(_Plugin, Generic[OptionsT, ParamsT]):
    """What captioners, image generators and detectors share.

    Attributes:
        repo: Repository, path or served name of the model.
        revision: Pinned or resolved; None where there is no such thing.
        options: How the backend is reached or run; not part of the identity.
        params: What is sent to the engine; part of the identity.
    """

    params_type: ClassVar[type[Options]] = NoOptions
    repo: str
    revision: str | None
    options: OptionsT
    params: ParamsT

    @classmethod
    def resolve_revision(cls, repo: str, options: OptionsT) -> str | None:  # noqa: ARG003
        """Returns None: there is no such thing as a revision."""
        return None


class _GeneratorBase(_ModelBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    forward_batch: int = 8
    """How many items the model takes at once."""

    def __init__(self, repo: str, revision: str | None, options: OptionsT, params: ParamsT) -> None:
        self.repo, self.revision = repo, revision
        self.options, self.params = options, params
        self.load()


class CaptionerBase(_GeneratorBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    """A captioner that takes batches of at most `forward_batch` images."""

    reads_pixels: ClassVar[bool] = True

    @abstractmethod
    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        """Returns one caption, or one failure, for each image, in order."""


class StreamingCaptionerBase(CaptionerBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    """A captioner that takes images as it can; its batches are short streams."""

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        """Returns one caption, or one failure, for each image, in order; raises as the stream."""
        requests = [CaptionRequest(*pair) for pair in zip(images, seeds, strict=True)]
        return _in_order(self.caption_stream(iter(requests), instruction), len(requests))

    @abstractmethod
    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields captions, each with its request's place from 0, in any order."""


class ImageGeneratorBase(_GeneratorBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    """An image generator that takes batches of at most `forward_batch` prompts."""

    @abstractmethod
    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[GeneratedImage | ItemFailure]:
        """Returns one image, or one failure, for each prompt, in order."""


class StreamingImageGeneratorBase(
    ImageGeneratorBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]
):
    """An image generator that takes prompts as it can; its batches are short streams."""

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[GeneratedImage | ItemFailure]:
        """Returns one image, or one failure, for each prompt, in order; raises as the stream."""
        requests = [ImageRequest(*pair) for pair in zip(prompts, seeds, strict=True)]
        return _in_order(self.generate_stream(iter(requests)), len(requests))

    @abstractmethod
    def generate_stream(
        self, requests: Iterator[ImageRequest]
    ) -> Iterator[tuple[int, GeneratedImage | ItemFailure]]:
        """Yields images, each with its request's place from 0, in any order."""


class DetectorBase(_ModelBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    """A detector that takes batches of sentences.

    Attributes:
        reads_pixels: Whether it looks at images; set it to True, or they are not read.
        prompt: The text that it is asked with; None if it is asked nothing.
    """

    reads_pixels: ClassVar[bool] = False

    def __init__(
        self,
        repo: str,
        revision: str | None,
        prompt: str | None,
        options: OptionsT,
        params: ParamsT,
    ) -> None:
        self.repo, self.revision, self.prompt = repo, revision, prompt
        self.options, self.params = options, params
        self.load()

    @classmethod
    def default_prompt(cls, params: ParamsT) -> str | None:  # noqa: ARG003
        """Returns None: nothing is asked."""
        return None

    @abstractmethod
    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns one score, or one failure, for each sentence, in order."""


class StreamingDetectorBase(DetectorBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
    """A detector that takes sentences as it can; its batches are short streams."""

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns one score, or one failure, for each sentence, in order; raises as the stream."""
        return _in_order(self.score_stream(iter(requests)), len(requests))

    @abstractmethod
    def score_stream(
        self, requests: Iterator[ScoringRequest]
    ) -> Iterator[tuple[int, SentenceScore | ItemFailure]]:
        """Yields scores, each with its request's place from 0, in any order."""


def _in_order(answers: Iterator[tuple[int, Answer]], count: int) -> list[Answer]:
    by_place = dict(answers)
    return [by_place[place] for place in range(count)]
