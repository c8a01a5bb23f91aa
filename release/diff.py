"""What changed between two releases, or two label sets: sentence by sentence, in bounded memory."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.release.buckets import Buckets
from alignbench.release.joins import looked_up
from alignbench.release.labels.sets import find_label_set
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import DATA
from alignbench.schemas.tables import LABELS, SENTENCES
from alignbench.workspace.workspace import Workspace

MOST_CHANGES: Final = 1000
"""Changes of each kind that are listed; further ones are only counted."""

_BATCH_ROWS: Final = 8192
_STATES: Final = pa.schema(
    [
        pa.field(name, pa.string())
        for name in ("sentence_id", "model", "caption", "split", "verdict", "spans")
    ]
)


class Kind(StrEnum):
    """How a sentence changed; one may change in several ways."""

    ADDED = "added"
    REMOVED = "removed"
    VERDICT = "verdict"
    SPANS = "spans"
    SPLIT = "split"


class Change(NamedTuple):
    """A sentence that changed, and what it was and is; for added and removed ones its verdict."""

    kind: Kind
    sentence_id: str
    model: str
    caption: str
    old: str | None
    new: str | None


class Difference(NamedTuple):
    """What changed between an old and a new state.

    Attributes:
        sentences: How many there were and are.
        counts: Changes by kind and model.
        verdicts: Changes of verdict by what it was and is.
        changes: The changes in order of sentence ids, at most `MOST_CHANGES` of each kind.
    """

    sentences: tuple[int, int]
    counts: dict[tuple[Kind, str], int]
    verdicts: dict[tuple[str, str], int]
    changes: tuple[Change, ...]


def diff_releases(old: str, new: str) -> Difference:
    """Compares two releases, each at its folder or `s3://bucket/prefix`.

    Raises:
        NotAReleaseError: There is no release at one of the addresses.
    """
    with tempfile.TemporaryDirectory(prefix="alignbench-diff-") as folder:
        sides = [_parted(Path(folder), f"{n}", _of_release(a)) for n, a in enumerate((old, new))]
        return _difference(*sides)


def diff_label_sets(workspace: Workspace, old: str, new: str) -> Difference:
    """Compares two label sets of a workspace, each by its name or the beginning of its id.

    Raises:
        NoLabelsError: One of them is not there.
    """
    sets = [find_label_set(workspace, name).label_set_id for name in (old, new)]
    with tempfile.TemporaryDirectory(prefix="alignbench-diff-") as scratch:
        folder = Path(scratch)
        texts = Buckets(folder, "texts", "sentence_id", _TEXTS)
        with texts:
            for batch in workspace.table(SENTENCES).scan(["sentence_id", "model", "text"]):
                texts.add(batch.select(_TEXTS.names).cast(_TEXTS))
        sides = [
            _parted(folder, f"{number}", _of_label_set(workspace, folder, set_id, texts))
            for number, set_id in enumerate(sets)
        ]
        return _difference(*sides)


_TEXTS: Final = pa.schema([pa.field(n, pa.string()) for n in ("sentence_id", "model", "text")])


def _of_release(address: str) -> Iterator[pa.Table]:
    folder = open_release(address)
    if not folder.shards:
        raise NotAReleaseError(
            f"{folder.address} has no data/*/*.parquet.", "Name the folder of a release."
        )
    columns = ["sentence_id", "model", "caption", "annotation", "error_spans"]
    for path, shard in folder.shards.items():
        if shard.kind != DATA:
            continue
        with folder.open(path) as source:
            for batch in pq.ParquetFile(source).iter_batches(_BATCH_ROWS, columns=columns):
                rows = pa.Table.from_batches([batch])
                yield _states(rows, "annotation", pa.array([shard.split] * len(rows)))


def _of_label_set(
    workspace: Workspace, folder: Path, set_id: str, texts: Buckets
) -> Iterator[pa.Table]:
    columns = ["sentence_id", "verdict", "error_spans"]
    schema = pa.schema([LABELS.schema.field(name).with_nullable(True) for name in columns])
    labels = Buckets(folder, f"labels-{set_id}", "sentence_id", schema)
    with labels:
        where = pc.field("label_set_id") == set_id
        for batch in workspace.table(LABELS).scan([*columns, "label_set_id"], where):
            labels.add(batch.select(columns))
    for number in labels.numbers():
        rows = labels.read(number)
        found = looked_up(rows["sentence_id"], texts.read(number), "sentence_id")
        rows = rows.append_column("model", found["model"])
        rows = rows.append_column("caption", found["text"])
        yield _states(rows, "verdict", pa.nulls(len(rows), pa.string()))


def _states(rows: pa.Table, verdict: str, split: pa.Array) -> pa.Table:
    spans = [_span_text(found or []) for found in rows["error_spans"].to_pylist()]
    columns = [rows["sentence_id"], rows["model"], rows["caption"], split, rows[verdict]]
    arrays = [*columns, pa.array(spans, pa.string())]
    return pa.table([array.cast(pa.string()) for array in arrays], names=_STATES.names)


def _span_text(spans: list[dict[str, Any]]) -> str:
    parts = (f"{s['start']}-{s['end']} {s['type']} {s['text']!r}" for s in spans)
    return "; ".join(parts)


def _parted(folder: Path, name: str, tables: Iterable[pa.Table]) -> Buckets:
    with Buckets(folder, f"side-{name}", "sentence_id", _STATES) as buckets:
        for table in tables:
            buckets.add(table)
    return buckets


def _difference(old: Buckets, new: Buckets) -> Difference:
    counts: Counter[tuple[Kind, str]] = Counter()
    verdicts: Counter[tuple[str, str]] = Counter()
    kept: list[Change] = []
    listed: Counter[Kind] = Counter()
    sizes = [0, 0]
    for number in sorted({*old.numbers(), *new.numbers()}):
        before, after = (_by_id(buckets.read(number)) for buckets in (old, new))
        sizes = [sizes[0] + len(before), sizes[1] + len(after)]
        for change in _changes(before, after):
            counts[change.kind, change.model] += 1
            if change.kind is Kind.VERDICT:
                verdicts[str(change.old), str(change.new)] += 1
            listed[change.kind] += 1
            if listed[change.kind] <= MOST_CHANGES:
                kept.append(change)
    return Difference(
        (sizes[0], sizes[1]), dict(sorted(counts.items())), dict(sorted(verdicts.items())),
        tuple(kept),
    )  # fmt: skip


def _by_id(rows: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["sentence_id"]: row for row in rows.to_pylist()}


def _changes(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            (row,) = (row for row in (old, new) if row is not None)
            kind = Kind.ADDED if old is None else Kind.REMOVED
            verdicts = (None, row["verdict"]) if old is None else (row["verdict"], None)
            yield Change(kind, key, row["model"], row["caption"], *verdicts)
            continue
        for kind in (Kind.VERDICT, Kind.SPANS, Kind.SPLIT):
            if old[kind] != new[kind]:
                yield Change(kind, key, new["model"], new["caption"], old[kind], new[kind])
