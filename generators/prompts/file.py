"""Prompts from a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alignbench.generators.errors import InputFileError
from alignbench.generators.sources.paths import configured_path
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.plugins import PromptSourceBase
from alignbench.schemas.protocols import ItemFailureAt, Options, PromptItem
from alignbench.schemas.text import clean_text

_RECORD_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_CONCEPTS: Final = "concepts"


class PromptFileOptions(Options):
    """Where the prompts are.

    Attributes:
        path: JSON Lines (`.jsonl`, `.ndjson`) with `prompt` or `text` and perhaps `concepts`, a
            list of words; or, with any other ending, text with a prompt on each line.
    """

    path: str


class PromptFile(PromptSourceBase[PromptFileOptions]):
    """The prompts of a file, in order. Blank lines are skipped; text is cleaned.

    A line that is not a prompt stops the reading and names the line: unlike images, prompts are
    written by hand and few, so a wrong one is to be corrected rather than counted.
    """

    def load(self) -> None:
        """Finds the file; raises `InputFileError` where it is missing."""
        self._path = configured_path(self.options.path, self.surroundings)

    def prompts(self) -> Iterator[PromptItem]:
        """Yields the prompts.

        Raises:
            InputFileError: The file cannot be read, or a line is not a prompt.
        """
        if self._path.suffix.lower() in _RECORD_SUFFIXES:
            return _json_prompts(self._path)
        return _text_prompts(self._path)


def _text_prompts(path: Path) -> Iterator[PromptItem]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                text = clean_text(line).text.strip()
                if text:
                    yield PromptItem(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            f"{path} cannot be read: {error}.", "Give a text file in UTF-8."
        ) from None


def _json_prompts(path: Path) -> Iterator[PromptItem]:
    for record in read_records(path, columns=(), required=()):
        try:
            if isinstance(record, ItemFailureAt):
                raise ItemError(record.failure)
            yield _prompt(record)
        except ItemError as error:
            raise InputFileError(f"{path}: {error.failure.message}", "Correct that line.") from None


def _prompt(record: Record) -> PromptItem:
    text = record.text("prompt", "text")
    if text is None or not text.strip():
        raise ItemError(
            ItemCode.ENTRY_INCOMPLETE.failure(f"{record.place} has no text under 'prompt'.")
        )
    concepts = record.values.get(_CONCEPTS)
    if concepts is None:
        return PromptItem(text)
    if not isinstance(concepts, list) or not all(isinstance(word, str) for word in concepts):
        raise record.wrong(_CONCEPTS, "a list of words", concepts)
    return PromptItem(text, tuple(clean_text(word).text for word in concepts))
