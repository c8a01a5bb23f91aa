"""Reading entries from CSV, JSON Lines, JSON and Parquet files as one stream.

All but a JSON array are read in bounded memory. A line that cannot be read is a failure at that
line; the lines after it go on.
"""

import csv
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.sources.records import Record
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailureAt
from alignbench.schemas.registry import suggestion

MAX_LINE: Final = 16 << 20
"""Most bytes of one line."""

MAX_JSON_ARRAY: Final = 256 << 20
"""Most bytes of a JSON file that is one array, which has to be held whole."""

_BATCH_ROWS: Final = 1024

_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
"""What Python's "surrogateescape" makes of bytes that are not UTF-8."""

Records = Iterator[Record | ItemFailureAt]


def read_records(path: Path, *, columns: Collection[str], required: Collection[str]) -> Records:
    """Yields the entries of a file; its suffix tells the format.

    Args:
        path: A `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json` or `.parquet` file.
        columns: Columns that are of interest; others may be left out.
        required: Columns without which the file is useless. Where the file declares its columns,
            they are checked before the first entry; else each entry stands for itself.

    Raises:
        InputFileError: The format is unknown, or the file as a whole cannot be read.
        InputColumnError: A required column is not among those that the file declares.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                yield from _csv(path, ",", required)
            case ".tsv":
                yield from _csv(path, "\t", required)
            case ".jsonl" | ".ndjson":
                yield from _json_lines(path)
            case ".json":
                yield from _json_array(path)
            case ".parquet":
                yield from _parquet(path, columns, required)
            case _:
                raise InputFileError(
                    f"{path} is not of a known format.",
                    "Give a .csv, .tsv, .jsonl, .ndjson, .json or .parquet file.",
                )
    except (OSError, csv.Error, pa.ArrowException) as error:
        raise InputFileError(
            f"{path} cannot be read: {error}.", "Check that the file is whole and readable."
        ) from None


def check_columns(path: Path, declared: Collection[str], required: Collection[str]) -> None:
    """Checks that a file declares the columns it must have.

    Raises:
        InputColumnError: It does not; the nearest column is named.
    """
    for column in required:
        if column not in declared:
            raise InputColumnError(
                f"{path} has no column {column!r}.", suggestion(column, sorted(declared))
            )


def _csv(path: Path, delimiter: str, required: Collection[str]) -> Records:
    # The module's own limit, for the whole process, is 131,072; captions can be longer.
    csv.field_size_limit(MAX_LINE)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        header = next(rows, [])
        check_columns(path, header, required)
        while True:
            place = f"{path.name}:{rows.line_num + 1}"
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield _unreadable(place, f"it is not CSV: {error}")
                continue
            if row:
                yield _csv_record(place, header, row)


def _csv_record(place: str, header: list[str], row: list[str]) -> Record | ItemFailureAt:
    if len(row) != len(header):
        return _unreadable(place, f"it has {len(row)} fields, the header {len(header)}")
    if any(map(_NOT_UTF8.search, row)):
        return _unreadable(place, "it is not UTF-8")
    return Record(place, dict(zip(header, row, strict=True)))


def _json_lines(path: Path) -> Records:
    with path.open("rb") as file:
        for number, line in enumerate(_bounded_lines(file), start=1):
            place = f"{path.name}:{number}"
            if line is None:
                yield _unreadable(place, f"it is longer than {MAX_LINE:,} bytes")
            elif line.strip():
                yield _json_record(place, line)


def _bounded_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Yields lines; None for one that is longer than `MAX_LINE`, the rest of which is skipped."""
    if file.read(3) != b"\xef\xbb\xbf":  # a byte order mark
        file.seek(0)
    while line := file.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)
        yield None


def _json_record(place: str, line: bytes) -> Record | ItemFailureAt:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _unreadable(place, f"it is not JSON: {error}")
    return _object_record(place, value)


def _json_array(path: Path) -> Records:
    advice = f"Convert it to JSON Lines: jq -c '.[]' {path.name} > {path.stem}.jsonl"
    if path.stat().st_size > MAX_JSON_ARRAY:
        raise InputFileError(
            f"{path} is a JSON file of more than {MAX_JSON_ARRAY >> 20} MiB, "
            "which would have to be held in memory whole.",
            advice,
        )
    try:
        entries = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"{path} is not JSON: {error}.", "Correct the file.") from None
    if not isinstance(entries, list):
        raise InputFileError(f"{path} holds no JSON array.", "Give an array of objects.")
    for index, entry in enumerate(entries):
        yield _object_record(f"{path.name}[{index}]", entry)


def _object_record(place: str, value: object) -> Record | ItemFailureAt:
    if not isinstance(value, dict):
        return _unreadable(place, "it is JSON, but not an object")
    return Record(place, value)


def _parquet(path: Path, columns: Collection[str], required: Collection[str]) -> Records:
    with pq.ParquetFile(path) as file:
        declared = file.schema_arrow.names
        check_columns(path, declared, required)
        wanted = [name for name in declared if name in columns]
        row = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=wanted):
            for values in batch.to_pylist():
                yield Record(f"{path.name}#{row}", values)
                row += 1


def _unreadable(place: str, why: str) -> ItemFailureAt:
    message = f"{place} cannot be read: {why}.".encode("utf-8", "backslashreplace").decode()
    return ItemFailureAt(place, ItemCode.ENTRY_UNREADABLE.failure(message))
