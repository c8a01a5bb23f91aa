"""Reading entries from CSV, JSON Lines, JSON and Parquet files as one stream.

All but a JSON array are read in bounded memory. A line that cannot be read is a failure at that
line; the lines after it go on.
"""

import csv
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.sources.delimited import DelimitedRows
from alignbench.generators.sources.records import Record
from alignbench.generators.sources.table_text import (
    MAX_LINE,
    NOT_DECODED,
    TableLayout,
    bounded_lines,
    open_text,
)
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailureAt
from alignbench.schemas.registry import suggestion

MAX_JSON_ARRAY: Final = 256 << 20
"""Most bytes of a JSON file that is one array, which has to be held whole."""

_BATCH_ROWS: Final = 1024

Records = Iterator[Record | ItemFailureAt]


_WHOLE: Final = TableLayout()


def read_records(
    path: Path,
    *,
    columns: Collection[str],
    required: Collection[str],
    layout: TableLayout = _WHOLE,
) -> Records:
    """Yields the entries of a file; its suffix tells the format.

    Args:
        path: A `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json` or `.parquet` file.
        columns: Columns that are of interest; others may be left out.
        required: Columns without which the file is useless. Where the file declares its columns,
            they are checked before the first entry; else each entry stands for itself.
        layout: How a text file is written, where its name and beginning do not tell.

    Raises:
        InputFileError: The format is unknown, or the file as a whole cannot be read.
        InputColumnError: A required column is not among those that the file declares.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                yield from _delimited(path, ",", required, layout)
            case ".tsv":
                yield from _delimited(path, "\t", required, layout)
            case ".jsonl" | ".ndjson":
                yield from _json_lines(path, layout)
            case ".json":
                yield from _json_array(path)
            case ".parquet":
                yield from _parquet(path, columns, required)
            case _:
                raise InputFileError(
                    f"{path} is not of a known format.",
                    "Give a .csv, .tsv, .jsonl, .ndjson, .json or .parquet file.",
                )
    except (OSError, UnicodeError, csv.Error, pa.ArrowException) as error:
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


def _delimited(
    path: Path, delimiter: str, required: Collection[str], layout: TableLayout
) -> Records:
    quotes = delimiter == "," if layout.quotes is None else layout.quotes
    with open_text(path, layout.encoding) as file:
        table = DelimitedRows(file, delimiter, quotes=quotes)
        header = table.header()
        check_columns(path, header, required)
        for row in table.rows(header, [header.index(column) for column in required]):
            place = f"{path.name}:{row.line}"
            if row.wrong:
                yield _unreadable(place, row.wrong)
            else:
                yield Record(place, dict(zip(header, row.fields, strict=True)))


def _json_lines(path: Path, layout: TableLayout) -> Records:
    with open_text(path, layout.encoding) as file:
        for number, line in enumerate(bounded_lines(file, MAX_LINE), start=1):
            place = f"{path.name}:{number}"
            if line is None:
                yield _unreadable(place, f"it is longer than {MAX_LINE:,} bytes")
            elif NOT_DECODED.search(line):
                yield _unreadable(place, "its bytes are not of the file's encoding")
            elif line.strip():
                yield _json_record(place, line)


def _json_record(place: str, line: str) -> Record | ItemFailureAt:
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
