"""Parts made without a table: at a chosen time, of an older schema, of a foreign hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.schemas.columns import to_batch
from alignbench.schemas.tables import CREATED_AT, RUN_ID, TableSpec
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.parts import encode_part, part_folder

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stamped(
    spec: TableSpec[Any], rows: Sequence[Any], created_at: datetime = NOON, run_id: str = "run"
) -> pa.Table:
    """Returns rows as `Table.append` would write them at that time."""
    table = pa.Table.from_batches([to_batch(spec.row, rows)])
    stamps = pa.array([created_at] * len(rows), CREATED_AT.type)
    runs = pa.array([run_id] * len(rows), RUN_ID.type)
    return table.append_column(CREATED_AT, stamps).append_column(RUN_ID, runs)


def put_part(store: ObjectStore, spec: TableSpec[Any], table: pa.Table) -> str:
    """Writes a part of the current schema version; returns its name."""
    name, data = encode_part(spec.name, table)
    store.write(f"{part_folder(spec.name)}/{name}", data)
    return name


def put_file(
    store: ObjectStore,
    spec: TableSpec[Any],
    table: pa.Table,
    metadata: Mapping[bytes, bytes],
    name: str = "part-by-hand.parquet",
) -> str:
    """Writes a Parquet file with that metadata among the parts; returns its key."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(dict(metadata)), sink)
    key = f"{part_folder(spec.name)}/{name}"
    store.write(key, sink.getvalue().to_pybytes())
    return key
