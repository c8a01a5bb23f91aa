"""Reading a shard in batches, after its schema is known to be right."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.columns import features_of_version_2, with_features
from alignbench.release_format.folder import ReleaseFolder

_ROWS_WITH_IMAGES: Final = 256
_ROWS_WITHOUT: Final = 8192
_IMAGE: Final = "image.path"
_METADATA: Final = b"huggingface"
_FORMS: Final = (with_features, features_of_version_2)


class Batch(NamedTuple):
    """Some rows of a file; `first` is the number of their first one in it."""

    file: str
    first: int
    rows: pa.RecordBatch


def table_of(batch: Batch) -> pa.Table:
    """Returns a batch's rows as a table."""
    return pa.Table.from_batches([batch.rows])


def batches(
    folder: ReleaseFolder,
    path: str,
    schema: pa.Schema,
    required: Sequence[str],
    findings: Findings,
) -> Iterator[Batch]:
    """Yields a shard's rows; none of a shard that has another schema.

    A batch with a null where none may be is reported and not yielded. Required columns that the
    schema does not have are passed over: they came with a later version.
    """
    try:
        with folder.open(path) as source:
            if not _check_schema(path, pq.read_schema(source), schema, findings):
                return
            first = 0
            for rows in _row_batches(pq.ParquetFile(source)):
                rows.validate(full=True)
                batch = Batch(path, first, rows)
                first += len(rows)
                if _check_nulls(batch, required, findings):
                    yield batch
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        findings.add(path, Rule.PARQUET, f"cannot be read as Parquet: {error}")


def _row_batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Yields all rows, one row group after the other: Arrow fails on images across the border."""
    for group in range(file.num_row_groups):
        has_images = _has_images(file.metadata.row_group(group))
        rows = _ROWS_WITH_IMAGES if has_images else _ROWS_WITHOUT
        yield from file.iter_batches(rows, row_groups=[group])


def _has_images(group: pq.RowGroupMetaData) -> bool:
    """Tells whether some row may have an image in it, by what the file says of the column."""
    chunks = (group.column(number) for number in range(group.num_columns))
    chunk = next((one for one in chunks if one.path_in_schema == _IMAGE), None)
    if chunk is None:
        return False
    said = chunk.statistics
    return said is None or not said.has_null_count or said.null_count < chunk.num_values


def _check_schema(path: str, found: pa.Schema, schema: pa.Schema, findings: Findings) -> bool:
    metadata = found.metadata or {}
    declared = metadata.get(_METADATA, b"").decode(errors="replace")
    if declared not in (form(schema)["huggingface"] for form in _FORMS):
        findings.add(path, Rule.FEATURES, "does not declare its features for datasets")
    if found.names != schema.names:
        findings.add(path, Rule.SCHEMA, f"has the columns {', '.join(found.names)}")
        return False
    wrong = [
        f"{there.name} is {there.type}, not {field.type}"
        for there, field in zip(found, schema, strict=True)
        if there.type != field.type
    ]
    for text in wrong:
        findings.add(path, Rule.SCHEMA, text)
    return not wrong


def _check_nulls(batch: Batch, required: Sequence[str], findings: Findings) -> bool:
    complete = True
    for name in filter(batch.rows.schema.names.__contains__, required):
        column = batch.rows.column(name)
        if pa.types.is_list(column.type) and column.flatten().null_count:
            findings.add(batch.file, Rule.NULL, f"an item of {name} is null", batch.first)
            complete = False
        if column.null_count:
            row = batch.first + pc.index(pc.is_null(column), True).as_py()
            findings.add(batch.file, Rule.NULL, f"{name} is null", row)
            complete = False
    return complete
