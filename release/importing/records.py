"""The entries of a published file, each with its place for messages and the column `origin`."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from alignbench.release.errors import ImportFileError
from alignbench.schemas.ids import JsonValue

_LONGEST_FIELD: Final = 16 << 20

Kind = TypeVar("Kind")


class Entry(NamedTuple):
    """An entry of a file: its place, as `set.json:12` counted from 1, and its values."""

    origin: str
    values: dict[str, Any]

    def get(self, key: str, kind: type[Kind]) -> Kind:
        """Returns a value that must be there.

        Raises:
            ImportFileError: It is not, or of another kind.
        """
        found = self.values.get(key)
        if not isinstance(found, kind):
            have = "is not there" if found is None else f"is {type(found).__name__}"
            raise ImportFileError(
                f"{self.origin}: {key!r} {have}; it has to be {kind.__name__}.",
                "Give the file as its authors publish it, and the kind that it is of.",
            )
        return found

    def text(self, key: str) -> str | None:
        """Returns a text that may be missing or empty; None then."""
        found = self.values.get(key)
        return found if isinstance(found, str) and found.strip() else None

    def own(self, *keys: str) -> dict[str, JsonValue]:
        """Returns the values of these keys that are there, as they are."""
        return {key: self.values[key] for key in keys if key in self.values}


def json_document(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        ImportFileError: It cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None


def json_entries(path: Path) -> Iterator[Entry]:
    """Yields the objects of a JSON file that is one list.

    Raises:
        ImportFileError: It cannot be read, or is no list of objects.
    """
    found = json_document(path)
    if not isinstance(found, list):
        raise _unreadable(path, ValueError("it is not one JSON list"))
    yield from entries_of(path, found)


def entries_of(path: Path, values: list[Any]) -> Iterator[Entry]:
    """Yields the objects of a list that was found in a file."""
    for number, value in enumerate(values, start=1):
        yield _entry(path, number, value)


def json_line_entries(path: Path) -> Iterator[Entry]:
    """Yields the objects of a file of JSON lines, blank lines passed over.

    Raises:
        ImportFileError: It cannot be read, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _entry(path, number, json.loads(line))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None


def csv_entries(path: Path) -> Iterator[Entry]:
    """Yields the rows of a CSV file with a heading.

    Raises:
        ImportFileError: It cannot be read.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=1):
                yield _entry(path, number, row)
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(path, error) from None


def _entry(path: Path, number: int, value: Any) -> Entry:
    origin = f"{path.name}:{number}"
    if not isinstance(value, dict):
        raise ImportFileError(
            f"{origin} is {type(value).__name__}, not an object with keys.",
            "Give the file as its authors publish it, and the kind that it is of.",
        )
    return Entry(origin, value)


def _unreadable(path: Path, error: Exception) -> ImportFileError:
    return ImportFileError(
        f"{path} cannot be read: {error}.",
        "Give the file as its authors publish it, and the kind that it is of.",
    )
