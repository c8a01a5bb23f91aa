"""Tables of a researcher's own, by the ending of their file's name."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq


def read_by_ending(path: str) -> pa.Table:
    """Returns the table in a file; ids stay text.

    Raises:
        ValueError: The name has another ending, or the file holds something else.
        OSError: It cannot be read.
        pyarrow.ArrowException: It is damaged.
    """
    read = _READERS.get(Path(path).suffix.lower())
    if read is None:
        raise ValueError(f"its name ends in none of {', '.join(_READERS)}")
    return read(path)


def _delimited(path: str, delimiter: str) -> pa.Table:
    # Ids are text, though some have digits only.
    kinds = pa_csv.ConvertOptions(column_types={"sentence_id": pa.string()})
    cut = pa_csv.ParseOptions(delimiter=delimiter)
    return pa_csv.read_csv(path, parse_options=cut, convert_options=kinds)


def _json_array(path: str) -> pa.Table:
    try:
        rows = json.loads(Path(path).read_bytes())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not an array of objects")
    return pa.Table.from_pylist(rows)


_READERS: Final[dict[str, Callable[[str], pa.Table]]] = {
    ".csv": partial(_delimited, delimiter=","),
    ".tsv": partial(_delimited, delimiter="\t"),
    ".jsonl": pa_json.read_json,
    ".ndjson": pa_json.read_json,
    ".json": _json_array,
    ".parquet": pq.read_table,
}
