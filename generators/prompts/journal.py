"""The answers of a language model, kept in a file: what was paid for once is never asked again.

One line of JSON for each draw, in order:

    {"draw": 0, "prompt": "...", "concepts": ["dog", "kite"], "kept": true}
    {"draw": 1, "concepts": ["cat", "drum"], "kept": false, "why": "AB-G65: The model refused: ..."}

A line that a kill cut off is dropped when the file is opened again.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from alignbench.generators.errors import InputFileError
from alignbench.schemas.protocols import PromptItem

NEAR_DUPLICATE: Final = "near-duplicate"


class Draw(BaseModel):
    """One line: what was asked about, and what came of it.

    Attributes:
        draw: Its number, from 0.
        concepts: What the scene was to hold.
        kept: Whether the prompt is one of the source's.
        prompt: What the model wrote; None if it failed.
        why: Why it was not kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    draw: int
    concepts: tuple[str, ...]
    kept: bool
    prompt: str | None = None
    why: str | None = None


class Journal:
    """The file, read by anyone, written by one process at a time.

    Args:
        path: Where it is; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def draws(self) -> Iterator[Draw]:
        """Yields the draws in order; none if there is no file.

        Raises:
            InputFileError: A line is not a draw, or not the one that should stand there.
        """
        for number, line in enumerate(self._lines()):
            try:
                draw = Draw.model_validate_json(line)
            except ValidationError:
                raise self._broken(number) from None
            if draw.draw != number:
                raise self._broken(number)
            yield draw

    def prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts that were kept."""
        for draw in self.draws():
            if draw.kept and draw.prompt is not None:
                yield PromptItem(draw.prompt, draw.concepts)

    def __enter__(self) -> Self:
        """Opens it for writing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = sum(len(line) for line in self._lines())
        self._file = self._path.open("ab")
        self._file.truncate(whole)
        return self

    def __exit__(self, *_: object) -> None:
        """Makes sure that what was written is on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def write(self, draw: Draw) -> None:
        """Appends a draw."""
        self._file.write(draw.model_dump_json(exclude_none=True).encode() + b"\n")
        self._file.flush()

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                yield from (line for line in file if line.endswith(b"\n"))
        except FileNotFoundError:
            return

    def _broken(self, number: int) -> InputFileError:
        return InputFileError(
            f"{self._path}:{number + 1} is not draw {number} of a language model's prompts.",
            "Restore the file, or remove it to have all of its prompts written again.",
        )
