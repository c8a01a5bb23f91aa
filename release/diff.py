"""What changed between two releases, or two label sets: sentence by sentence, in bounded memory.

Every column of the data is compared, and every vote; of releases of two schema versions, the
columns that both have. Bytes of images are compared by `image_id`, which is their hash, and by
whether they are there.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alignbench.release.columns.joins import looked_up
from alignbench.release.labels.sets import find_label_set
from alignbench.release_format.columns import (
    DATA_SCHEMA,
    VOTE_SCHEMA,
    as_current,
    data_schema,
    vote_schema,
)
from alignbench.release_format.damage import damage_named
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder, open_release
from alignbench.release_format.layout import DATA, VOTES
from alignbench.schemas.tables import LABELS, SENTENCES
from alignbench.workspace.tables.buckets import Buckets
from alignbench.workspace.workspace import Workspace

MOST_CHANGES: Final = 1000
"""Changes of each kind that are listed; further ones are only counted."""

_BATCH_ROWS: Final = 2048
_SPLIT, _EMBEDDED = "split", "embedded"
"""What is compared beside the columns: a sentence's split, and whether its image is in the file."""

_COMPARED: Final = [field for field in DATA_SCHEMA if field.name not in ("image", "schema_version")]
_SENTENCES: Final = pa.schema(
    [*_COMPARED, pa.field(_SPLIT, pa.string()), pa.field(_EMBEDDED, pa.bool_())]
)
_VOTER: Final = ("round", "purpose", "annotator")
_LABEL_COLUMNS: Final = tuple(
    name for name in DATA_SCHEMA.names if name in LABELS.schema.names and name != "sentence_id"
)

Row = dict[str, Any]


class Kind(StrEnum):
    """How a sentence changed; one may change in several ways."""

    ADDED = "added"
    REMOVED = "removed"
    VERDICT = "verdict"
    SPANS = "spans"
    SPLIT = "split"
    VOTES = "votes"
    COLUMNS = "columns"
    """Any other column, which the change names."""


class Change(NamedTuple):
    """A sentence that changed, and what it was and is; for added and removed ones its verdict.

    Attributes:
        kind: How it changed.
        sentence_id: The sentence.
        model: Whose it is.
        caption: Its text.
        old: What it was; None where there was nothing.
        new: What it is; None where there is nothing.
        column: Which column changed; of a vote, its round, purpose and annotator.
    """

    kind: Kind
    sentence_id: str
    model: str
    caption: str
    old: str | None
    new: str | None
    column: str


class Difference(NamedTuple):
    """What changed between an old and a new state.

    Attributes:
        sentences: How many there were and are.
        counts: Changes by kind and model.
        verdicts: Changes of verdict by what it was and is.
        columns: Changes by column.
        changes: The changes in order of sentence ids, at most `MOST_CHANGES` of each kind.
    """

    sentences: tuple[int, int]
    counts: dict[tuple[Kind, str], int]
    verdicts: dict[tuple[str, str], int]
    columns: dict[str, int]
    changes: tuple[Change, ...]


class _Side(NamedTuple):
    """One of two states, parted by sentence."""

    sentences: Buckets
    votes: Buckets

    def numbers(self) -> set[int]:
        return {*self.sentences.numbers(), *self.votes.numbers()}


def diff_releases(old: str, new: str) -> Difference:
    """Compares two releases, each at its folder or `s3://bucket/prefix`.

    Raises:
        NotAReleaseError: There is no release at one of the addresses.
        ReleaseColumnError: A file of one is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="alignbench-diff-") as scratch:
        folders = [open_release(address) for address in (old, new)]
        for folder in folders:
            if not folder.shards:
                raise NotAReleaseError(
                    f"{folder.address} has no data/*/*.parquet.", "Name the folder of a release."
                )
        not_in_both = _not_in_both(folders)
        sides = []
        for number, folder in enumerate(folders):
            sentences = (_blanked(rows, not_in_both) for rows in _sentences(folder))
            votes = (_blanked(rows, not_in_both) for rows in _votes(folder))
            sides.append(
                _Side(
                    _parted(Path(scratch), f"{number}", _SENTENCES, sentences),
                    _parted(Path(scratch), f"votes-{number}", VOTE_SCHEMA, votes),
                )
            )
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
        sides = []
        for number, set_id in enumerate(sets):
            labels = _of_label_set(workspace, folder, set_id, texts)
            none = _parted(folder, f"votes-{number}", VOTE_SCHEMA, ())
            sides.append(_Side(_parted(folder, f"{number}", _SENTENCES, labels), none))
        return _difference(*sides)


_TEXTS: Final = pa.schema([pa.field(n, pa.string()) for n in ("sentence_id", "model", "text")])


def _not_in_both(folders: Sequence[ReleaseFolder]) -> set[str]:
    """Returns today's columns that some of these releases does not have: it is of an older version.

    What a release does not tell is no change to what another one does.
    """
    versions = [folder.record.get("schema_version") for folder in folders]
    missing: set[str] = set()
    for version in versions:
        missing |= set(DATA_SCHEMA.names) - set(data_schema(version).names)
        missing |= set(VOTE_SCHEMA.names) - set(vote_schema(version).names)
    return missing - {"n_votes"}  # follows from the numbers of votes, which every version has


def _blanked(rows: pa.Table, names: set[str]) -> pa.Table:
    """Returns rows without what these columns say."""
    for place, field in enumerate(rows.schema):
        if field.name in names and not pa.types.is_list(field.type):
            rows = rows.set_column(place, field, pa.nulls(len(rows), field.type))
    return rows


def _sentences(folder: ReleaseFolder) -> Iterator[pa.Table]:
    for path, shard in folder.shards.items():
        if shard.kind != DATA:
            continue
        with folder.open(path) as source, damage_named(folder.address, path):
            file = pq.ParquetFile(source)
            names = [name for name in file.schema_arrow.names if name != "image"]
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(
                    _BATCH_ROWS, row_groups=[group], columns=[*names, "image.path"]
                ):
                    path_of = batch.column("image").field("path")
                    columns = pa.RecordBatch.from_arrays(
                        [batch.column(name) for name in names], names=names
                    )
                    table = pa.Table.from_batches([as_current(columns)])
                    rows = table.select([field.name for field in _COMPARED])
                    rows = rows.append_column(_SPLIT, pa.array([shard.split] * len(rows)))
                    yield rows.append_column(_EMBEDDED, pc.is_valid(path_of)).cast(_SENTENCES)


def _votes(folder: ReleaseFolder) -> Iterator[pa.Table]:
    for path, shard in folder.shards.items():
        if shard.kind == VOTES:
            with folder.open(path) as source, damage_named(folder.address, path):
                for batch in pq.ParquetFile(source).iter_batches(_BATCH_ROWS):
                    rows = pa.Table.from_batches([as_current(batch, VOTE_SCHEMA)])
                    yield rows.replace_schema_metadata(None).cast(VOTE_SCHEMA)


def _of_label_set(
    workspace: Workspace, folder: Path, set_id: str, texts: Buckets
) -> Iterator[pa.Table]:
    columns = ["sentence_id", "verdict", *_LABEL_COLUMNS]
    schema = pa.schema([LABELS.schema.field(name).with_nullable(True) for name in columns])
    labels = Buckets(folder, f"labels-{set_id}", "sentence_id", schema)
    with labels:
        where = pc.field("label_set_id") == set_id
        for batch in workspace.table(LABELS).scan([*columns, "label_set_id"], where):
            labels.add(batch.select(columns))
    for number in labels.numbers():
        rows = labels.read(number)
        found = looked_up(rows["sentence_id"], texts.read(number), "sentence_id")
        known = {
            **{name: rows[name] for name in ("sentence_id", *_LABEL_COLUMNS)},
            "annotation": rows["verdict"],
            "model": found["model"],
            "caption": found["text"],
        }
        nothing = pa.nulls(len(rows))
        arrays = [known.get(field.name, nothing).cast(field.type) for field in _SENTENCES]
        yield pa.table(arrays, schema=_SENTENCES)


def _parted(folder: Path, name: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> Buckets:
    with Buckets(folder, f"side-{name}", "sentence_id", schema) as buckets:
        for table in tables:
            buckets.add(table)
    return buckets


def _difference(old: _Side, new: _Side) -> Difference:
    counts: Counter[tuple[Kind, str]] = Counter()
    verdicts: Counter[tuple[str, str]] = Counter()
    columns: Counter[str] = Counter()
    kept: list[Change] = []
    listed: Counter[Kind] = Counter()
    sizes = [0, 0]
    for number in sorted(old.numbers() | new.numbers()):
        before, after = (_by_id(side.sentences.read(number)) for side in (old, new))
        sizes = [sizes[0] + len(before), sizes[1] + len(after)]
        votes = tuple(_by_vote(side.votes.read(number)) for side in (old, new))
        for change in (*_changes(before, after), *_vote_changes(votes, {**before, **after})):
            counts[change.kind, change.model] += 1
            if change.kind not in (Kind.ADDED, Kind.REMOVED):
                columns["votes" if change.kind is Kind.VOTES else change.column] += 1
            if change.kind is Kind.VERDICT:
                verdicts[str(change.old), str(change.new)] += 1
            listed[change.kind] += 1
            if listed[change.kind] <= MOST_CHANGES:
                kept.append(change)
    return Difference(
        (sizes[0], sizes[1]),
        dict(sorted(counts.items())),
        dict(sorted(verdicts.items())),
        dict(sorted(columns.items())),
        tuple(sorted(kept, key=lambda change: change.sentence_id)),
    )


def _by_id(rows: pa.Table) -> dict[str, Row]:
    return {row["sentence_id"]: row for row in rows.to_pylist()}


def _by_vote(rows: pa.Table) -> dict[tuple[str, ...], Row]:
    return {tuple(row[n] for n in ("sentence_id", *_VOTER)): row for row in rows.to_pylist()}


_KINDS: Final = {"annotation": Kind.VERDICT, "error_spans": Kind.SPANS, _SPLIT: Kind.SPLIT}


def _changes(before: dict[str, Row], after: dict[str, Row]) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            (row,) = (row for row in (old, new) if row is not None)
            kind = Kind.ADDED if old is None else Kind.REMOVED
            was, now = (None if side is None else side["annotation"] for side in (old, new))
            yield Change(kind, key, row["model"], row["caption"], was, now, "annotation")
            continue
        for name in _SENTENCES.names:
            if old[name] != new[name]:
                kind = _KINDS.get(name, Kind.COLUMNS)
                was, now = _shown(old[name]), _shown(new[name])
                yield Change(kind, key, new["model"], new["caption"], was, now, name)


def _vote_changes(
    votes: tuple[dict[tuple[str, ...], Row], ...], sentences: dict[str, Row]
) -> Iterator[Change]:
    before, after = votes
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        sentence_id, *voter = key
        of = sentences.get(sentence_id, {"model": "", "caption": ""})
        was, now = (None if row is None else _vote_text(row) for row in (old, new))
        voter_name = " ".join(voter)
        yield Change(Kind.VOTES, sentence_id, of["model"], of["caption"], was, now, voter_name)


def _vote_text(vote: Row) -> str:
    """Returns all that a vote says beside who gave it."""
    parts = [vote["verdict"], _shown(vote["spans"])]
    others = (
        "flags",
        "preannotated_by",
        "lead_seconds",
        "model",
        "in_control",
        "guideline_id",
        "label_schema_id",
        "unit",
    )
    parts += [f"{name} {_shown(vote[name])}" for name in others if vote[name]]
    return ", ".join(part for part in parts if part)


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(_span_text(item) if isinstance(item, dict) else item for item in value)
    return str(value)


def _span_text(span: Row) -> str:
    votes = f" ({span['votes']})" if span.get("votes") is not None else ""
    return f"{span['start']}-{span['end']} {span['type']} {span['text']!r}{votes}"
