"""A captioner and an image generator that need no model, as plug-ins of the registry."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest
from PIL import Image

from alignbench.schemas import registry
from alignbench.schemas.protocols import (
    CaptionInput,
    GeneratedImage,
    Generation,
    ItemFailure,
    NoOptions,
    Options,
    PromptItem,
    Surroundings,
)


class LetterParams(Options):
    """What can be sent: a word to begin with."""

    word: str = "An"


class LetterCaptioner:
    """Says the first letters of an image's id. `repo` tells how it misbehaves."""

    options_type: ClassVar[type[Options]] = NoOptions
    params_type: ClassVar[type[Options]] = LetterParams
    reads_pixels: ClassVar[bool] = True
    forward_batch = 4

    def __init__(
        self, repo: str, revision: str | None, options: Options, params: LetterParams
    ) -> None:
        if repo == "broken":
            raise RuntimeError("no such weights")
        self._repo = repo
        self._word = params.word

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        return "resolved"

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        answers: list[Generation | ItemFailure] = [
            Generation(f"{self._word} image {image.image_id[:8]}.") for image in images
        ]
        return answers[1:] if self._repo == "forgets one" else answers


class LetterPainter:
    """Makes an image of one colour, which depends on the prompt and the seed."""

    options_type: ClassVar[type[Options]] = NoOptions
    params_type: ClassVar[type[Options]] = NoOptions
    forward_batch = 4

    def __init__(self, repo: str, revision: str | None, options: Options, params: Options) -> None:
        self._repo = repo

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        return None

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[GeneratedImage | ItemFailure]:
        return [
            ItemFailure("T10", "Refused.") if "forbidden" in prompt else _painted(prompt, seed)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]


def _painted(prompt: str, seed: int) -> GeneratedImage:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (len(prompt) % 256, seed % 256, 80)).save(buffer, "PNG")
    return GeneratedImage(buffer.getvalue(), {"seed": seed})


class BlankPrompts:
    """A thousand blank prompts and, after them, a good one."""

    options_type: ClassVar[type[Options]] = NoOptions

    def __init__(self, options: Options, surroundings: Surroundings) -> None:
        self._name = surroundings.name

    def prompts(self) -> Iterator[PromptItem]:
        yield from (PromptItem(" ") for _ in range(1100))
        yield PromptItem("A red cat.")


PLUGINS = {
    registry.Group.CAPTIONERS: "LetterCaptioner",
    registry.Group.IMAGE_GENERATORS: "LetterPainter",
    registry.Group.PROMPT_SOURCES: "BlankPrompts",
}


@contextmanager
def registered(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the registry find them as `letters`, the way it finds an installed package's."""
    installed = registry.entry_points

    def with_letters(group: str) -> list[EntryPoint]:
        found = list(installed(group=group))
        if group in PLUGINS:
            value = f"{__name__}:{PLUGINS[registry.Group(group)]}"
            found.append(EntryPoint("letters", value, group))
        return found

    patch.setattr(registry, "entry_points", with_letters)
    _forget()
    yield
    patch.undo()
    _forget()


def _forget() -> None:
    registry.find.cache_clear()
    registry._entry_points.cache_clear()
