"""Listings of large tables, kept from one command to the next under `cache/tables/`.

Which rows of a table are current follows from its parts alone, and a part's name is the hash of its
bytes. So the names are all that a kept listing has to be compared with: there is no clock in it,
and a part that was added, merged or deleted makes another list of names. A listing that is not
kept, or cannot be read, is worked out from the parts. (A part whose bytes were damaged is still
noticed by whoever reads it, by the checksums of its pages.)
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np
import pyarrow as pa

from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.tables import SCHEMA_VERSION, TableSpec
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.listing import Listing, Mask

FEWEST_BYTES: Final = 2_000_000
FEWEST_PARTS: Final = 200
"""Of less, a listing is worked out in a moment, and none is kept."""

_FORMAT: Final = 1
_IDENTITY: Final = b"alignbench.parts"
_ROW_COUNT: Final = b"alignbench.row_count"
_SCHEMA: Final = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("leaves", pa.list_(pa.string())),
        pa.field("rows", pa.int64()),
        pa.field("current", pa.binary()),
    ]
)
"""A row for each part that holds others' commits or has rows that are not current."""


def kept_listing(
    store: ObjectStore, spec: "TableSpec[Any]", names: Sequence[str]
) -> Listing | None:
    """Returns the listing of these parts, if it was kept."""
    try:
        table = pa.ipc.open_stream(store.read(_place(spec))).read_all()
    except (AlignBenchError, pa.ArrowException, OSError):
        return None
    said = table.schema.metadata or {}
    if said.get(_IDENTITY) != _identity(names) or table.schema != _SCHEMA:
        return None
    leaves = {name: frozenset((name,)) for name in names}
    current: dict[str, Mask] = {}
    for row in table.to_pylist():
        if row["leaves"] is not None:
            leaves[row["name"]] = frozenset(row["leaves"])
        if row["current"] is not None:
            bits = np.frombuffer(row["current"], np.uint8)
            current[row["name"]] = np.unpackbits(bits, count=row["rows"]).astype(np.bool_)
    return Listing(leaves, current, int(said[_ROW_COUNT]))


def keep_listing(store: ObjectStore, spec: "TableSpec[Any]", listing: Listing) -> None:
    """Keeps the listing of all of a table's parts."""
    rows = [
        {
            "name": name,
            "leaves": None if leaves == {name} else sorted(leaves),
            "rows": None if current is None else len(current),
            "current": None if current is None else np.packbits(current).tobytes(),
        }
        for name, leaves in listing.leaves.items()
        for current in (listing.current.get(name),)
        if leaves != {name} or current is not None
    ]
    said = {_IDENTITY: _identity(list(listing.leaves)), _ROW_COUNT: str(listing.row_count)}
    table = pa.Table.from_pylist(rows, _SCHEMA.with_metadata(said))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with suppress(OSError, AlignBenchError):  # a reader of a workspace may not write to it
        store.write(_place(spec), sink.getvalue().to_pybytes())


def _place(spec: "TableSpec[Any]") -> str:
    return f"cache/tables/{spec.name}.arrow"


def _identity(names: Sequence[str]) -> bytes:
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"{_FORMAT} {SCHEMA_VERSION} {digest}".encode()
