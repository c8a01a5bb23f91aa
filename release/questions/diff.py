"""What changed between two releases of questions: table by table, row by row."""

from collections import Counter
from enum import StrEnum
from typing import Any, Final, NamedTuple

from alignbench.release_format.question_columns import TABLES, ReleasedTable
from alignbench.release_format.question_release import QuestionRelease

MOST_CHANGES: Final = 1_000
"""Changes of each table and kind that are listed; further ones are only counted."""


class RowChange(StrEnum):
    """How a row changed."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class ChangedRow(NamedTuple):
    """A row that changed; of a changed one, one column of it.

    Attributes:
        table: The table.
        kind: How.
        key: Its key.
        column: Which column; empty for a row that was added or removed.
        old: What it was; None where there was nothing.
        new: What it is; None where there is nothing.
    """

    table: str
    kind: RowChange
    key: tuple[str, ...]
    column: str
    old: str | None
    new: str | None


class QuestionDifference(NamedTuple):
    """What changed between an old and a new release.

    Attributes:
        rows: How many each table had and has.
        counts: Rows by table and kind.
        columns: Changes by table and column.
        changes: The changes, at most `MOST_CHANGES` of each table and kind.
    """

    rows: dict[str, tuple[int, int]]
    counts: dict[tuple[str, RowChange], int]
    columns: dict[tuple[str, str], int]
    changes: tuple[ChangedRow, ...]


def diff_question_releases(old: str, new: str) -> QuestionDifference:
    """Compares two releases of questions, each at its folder or `s3://bucket/prefix`.

    Bytes of images are compared by whether they are there: their ids are hashes of them.

    Raises:
        NotAReleaseError: There is no release of questions at one of the addresses.
    """
    before, after = QuestionRelease(old), QuestionRelease(new)
    counts: Counter[tuple[str, RowChange]] = Counter()
    columns: Counter[tuple[str, str]] = Counter()
    rows: dict[str, tuple[int, int]] = {}
    changes: list[ChangedRow] = []
    embedded = [_embedded(side) for side in (before, after)]
    for table in TABLES.values():
        was, now = (
            _by_key(side, table, images)
            for side, images in zip((before, after), embedded, strict=True)
        )
        rows[table.name] = (len(was), len(now))
        for key in sorted(was.keys() | now.keys()):
            found = _row_changes(table, key, was.get(key), now.get(key))
            if not found:
                continue
            place = (table.name, found[0].kind)
            counts[place] += 1
            columns.update((one.table, one.column) for one in found if one.column)
            if counts[place] <= MOST_CHANGES:
                changes += found
    return QuestionDifference(
        rows, dict(sorted(counts.items())), dict(sorted(columns.items())), tuple(changes)
    )


def _embedded(release: QuestionRelease) -> set[str]:
    return {image_id for image_id, data in release.images() if data is not None}


def _by_key(
    release: QuestionRelease, table: ReleasedTable, embedded: set[str]
) -> dict[tuple[str, ...], dict[str, Any]]:
    found = {}
    for row in release.to_arrow(table.name).to_pylist():
        if "image_id" in row:
            row["image"] = "embedded" if row["image_id"] in embedded else None
        found[tuple(row[name] for name in table.key)] = row
    return found


def _row_changes(
    table: ReleasedTable,
    key: tuple[str, ...],
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
) -> list[ChangedRow]:
    if old is None or new is None:
        kind = RowChange.ADDED if old is None else RowChange.REMOVED
        return [ChangedRow(table.name, kind, key, "", None, None)]
    return [
        ChangedRow(table.name, RowChange.CHANGED, key, name, _text(old[name]), _text(new[name]))
        for name in new
        if old.get(name) != new[name]
    ]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
