"""The keys of what a source lists, kept from one command to the next where a list is long.

Reading 100,000 lines of a table takes longer than all the rest that `status` does. A source whose
listing follows from its options and from files alone (`ListedFromFiles`) is listed again only if
one of the files has changed. A file is told by its place, inode, size and both its times: a write
moves the time of change (`st_ctime`), which no program can set back as it can the time of
modification; and what changed within the last seconds before it was read is not kept, because a
file system's clock may tick that seldom. Without the file in `cache/`, or with one that cannot be
read, the source is listed, and the keys are the same.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pyarrow as pa

from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.ids import canonical_json, derive_id
from alignbench.schemas.protocols import ListedFromFiles, Source
from alignbench.workspace.stores.store import ObjectStore

FEWEST_KEPT: Final = 10_000
"""A shorter listing is read as fast as its keys."""

_SETTLED_SECONDS: Final = 5.0
_OF: Final = b"alignbench.listing"
_SCHEMA: Final = pa.schema([pa.field("key", pa.string())])
_FORMAT: Final = 1


def listed_keys(
    store: ObjectStore,
    name: str,
    source: Source,
    listing: Callable[[], Iterator[list[str]]],
) -> Iterator[list[str] | pa.ChunkedArray]:
    """Yields the keys of a source's entries, in their order.

    Args:
        store: The workspace, in whose `cache/` they are kept.
        name: What the source is called there.
        source: The source.
        listing: Lists it.
    """
    if not isinstance(source, ListedFromFiles) or (before := _identity(name, source)) is None:
        yield from listing()
        return
    place = f"cache/listings/{derive_id(name)}.arrow"
    kept = _kept(store, place, before)
    if kept is not None:
        yield kept
        return
    keys: list[str] = []
    for some in listing():
        keys += some
        yield some
    if len(keys) >= FEWEST_KEPT and _identity(name, source) == before:
        table = pa.table({"key": keys}, schema=_SCHEMA.with_metadata({_OF: before}))
        with suppress(OSError, AlignBenchError):  # a reader of a workspace may not write to it
            store.write(place, _encoded(table))


def _identity(name: str, source: ListedFromFiles) -> bytes | None:
    """Returns what a listing depends on; None where a file has just changed or cannot be seen."""
    try:
        files = [_file_identity(path) for path in source.listing_files()]
    except OSError:
        return None
    if any(file is None for file in files):
        return None
    options = source.options.model_dump(mode="json")
    return canonical_json([_FORMAT, version("alignbench"), name, options, files]).encode()


def _file_identity(path: Path) -> list[str | int] | None:
    found = path.stat()
    if time.time() - max(found.st_ctime, found.st_mtime) < _SETTLED_SECONDS:
        return None
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return [str(path), *numbers]


def _kept(store: ObjectStore, place: str, identity: bytes) -> pa.ChunkedArray | None:
    try:
        table = pa.ipc.open_stream(store.read(place)).read_all()
    except (AlignBenchError, pa.ArrowException, OSError):
        return None
    if (table.schema.metadata or {}).get(_OF) != identity or table.schema != _SCHEMA:
        return None
    return table["key"]


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded
