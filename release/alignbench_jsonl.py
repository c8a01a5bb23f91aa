"""AlignBench's own JSON Lines, read into the first sixteen columns of our releases.

How that file spells its values is not public. So the reader is lenient, what it takes for what is
in a file (`alignbench_jsonl.toml`), and what it does not understand is reported and not guessed.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from alignbench.release_format.columns import DATA_SCHEMA

SCHEMA: Final = pa.schema(list(DATA_SCHEMA)[:16])
"""The columns of AlignBench's own file, in its order."""

_JOINTS: Final = re.compile(r"(?<=\w)[-_\s]+(?=\w)")


class Mapping(BaseModel):
    """Which keys and spellings mean what; the content of a mapping file.

    Attributes:
        columns: For each column the keys that it is read from.
        values: For each column with a vocabulary, for each word its spellings.
        lists: `separators` between the words of a list that is one text.
        missing: `spellings` of no value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, tuple[str, ...]]
    values: dict[str, dict[str, tuple[str, ...]]]
    lists: dict[str, tuple[str, ...]]
    missing: dict[str, tuple[str, ...]]


class Problem(NamedTuple):
    """Something that was not understood; the value is null in the table. Lines count from 1."""

    line: int
    column: str
    text: str


class Line(NamedTuple):
    """A line of the file.

    Attributes:
        number: Counted from 1.
        text: As it stands there.
        record: The object as it stands there; None if it is none.
        values: The same by the columns of `SCHEMA`.
        problems: What was not understood.
    """

    number: int
    text: str
    record: dict[str, Any] | None
    values: dict[str, Any]
    problems: tuple[Problem, ...]


class JsonLines(NamedTuple):
    """What a file comes to: rows of `SCHEMA`, and what of it was not understood."""

    rows: pa.Table
    problems: tuple[Problem, ...]


def read_alignbench_jsonl(path: str | Path, mapping: str | Path | None = None) -> JsonLines:
    """Reads AlignBench's own file.

    Args:
        path: The JSON Lines.
        mapping: A mapping file of your own; `alignbench_jsonl.toml` of this package if not given.
    """
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for line in read_lines(Path(path), read_mapping(mapping)):
        problems += line.problems
        if line.record is not None:
            rows.append(line.values)
    return JsonLines(pa.Table.from_pylist(rows, schema=SCHEMA), tuple(problems))


def read_lines(path: Path, mapping: Mapping) -> Iterator[Line]:
    """Yields the lines of AlignBench's own file that are not blank."""
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            record = _record(text)
            if record is None:
                problem = Problem(number, "", "the line is no JSON object")
                yield Line(number, text.strip(), None, {}, (problem,))
                continue
            values: dict[str, Any] = {}
            problems = []
            for column, value, why in _values(record, mapping):
                values[column] = value
                if why is not None:
                    problems.append(Problem(number, column, why))
            yield Line(number, text.strip(), record, values, tuple(problems))


def raw_value(record: dict[str, Any], column: str, mapping: Mapping) -> Any:
    """Returns what a line says of a column, unchanged; None if nothing."""
    folded = {_folded(key): value for key, value in record.items()}
    keys = (_folded(key) for key in mapping.columns.get(column, (column,)))
    found = next((folded[key] for key in keys if key in folded), None)
    return None if _is_missing(found, mapping) else found


def read_mapping(path: str | Path | None = None) -> Mapping:
    """Returns a mapping file's content; that of this package if none is given."""
    own = files("alignbench.release").joinpath("alignbench_jsonl.toml")
    text = own.read_text("utf-8") if path is None else Path(path).read_text("utf-8")
    return Mapping.model_validate(tomllib.loads(text))


def _record(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _values(record: dict[str, Any], mapping: Mapping) -> Iterator[tuple[str, Any, str | None]]:
    """Yields each column, its value, and what was not understood of it."""
    for field in SCHEMA:
        found = raw_value(record, field.name, mapping)
        if found is None:
            yield field.name, [] if pa.types.is_list(field.type) else None, None
        elif field.name in mapping.values:
            word = _word(found, mapping.values[field.name])
            problem = None if word is not None else f"{found!r} is no {field.name} that is known"
            yield field.name, word, problem
        else:
            yield field.name, *_typed(found, field.type, mapping)


def _typed(value: Any, kind: pa.DataType, mapping: Mapping) -> tuple[Any, str | None]:
    if pa.types.is_list(kind):
        return _words(value, mapping.lists.get("separators", ())), None
    try:
        if pa.types.is_integer(kind):
            number = float(value)
            return (int(number), None) if number.is_integer() else (None, f"{value!r} is no count")
        return (float(value) if pa.types.is_floating(kind) else str(value)), None
    except (TypeError, ValueError):
        return None, f"{value!r} is no number"


def _words(value: Any, separators: tuple[str, ...]) -> list[str]:
    if isinstance(value, list):
        return [str(word).strip() for word in value if str(word).strip()]
    pattern = "|".join(map(re.escape, separators)) or "$^"
    return [word.strip() for word in re.split(pattern, str(value)) if word.strip()]


def _word(value: Any, spellings: dict[str, tuple[str, ...]]) -> str | None:
    folded = _folded(value)
    for word, known in spellings.items():
        if folded in {_folded(spelling) for spelling in known}:
            return word
    return None


def _is_missing(value: Any, mapping: Mapping) -> bool:
    spellings = mapping.missing.get("spellings", ())
    return value is None or (isinstance(value, str) and _folded(value) in spellings)


def _folded(value: Any) -> str:
    """Returns a text as it is compared: small letters, one space for any joint."""
    return _JOINTS.sub(" ", str(value)).strip().lower()
