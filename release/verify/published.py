"""What an imported row may leave open, and what it may not claim.

A row whose label is as published says nothing that its set does not: numbers of votes are there
together or not at all, and without them nothing that follows from votes is; an image that nobody
had is flagged, and its id is made of what the row names it by.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Problem, Rule
from alignbench.release_format.columns import REQUIRED_UNLESS_IMPORTED
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import IMPORT_REPORT
from alignbench.release_format.manifest import Manifest
from alignbench.schemas.importing import locator_image_id
from alignbench.schemas.vocabulary import PUBLISHED_LABEL, RowFlag

_FLAGS = frozenset(RowFlag)
_COUNTS = tuple(f"n_{verdict}" for verdict in VERDICTS)
_COLUMNS = (
    "label_method", "flags", *_COUNTS, "agreement_ratio", "fleiss_Pi", "confidence",
    "image_id", "image_source", "image_name", "image_url", "image_path_in_repo",
    "perceptual_hash", "adjudicated", "own_labels", "origin", "labels_license", "in_control",
)  # fmt: skip


def check_known(batch: Batch, findings: Findings) -> bool:
    """Reports nulls that only imported rows may have; returns whether there are none.

    Columns that the rows do not have came with a later version of the schema.
    """
    ours = pc.not_equal(batch.rows.column("label_method"), PUBLISHED_LABEL)
    complete = True
    for name in filter(batch.rows.schema.names.__contains__, REQUIRED_UNLESS_IMPORTED):
        missing = pc.and_(ours, pc.is_null(batch.rows.column(name)))
        row = pc.index(missing, True).as_py()
        if row >= 0:
            findings.add(batch.file, Rule.NULL, f"{name} is null", batch.first + row)
            complete = False
    return complete


def published_problems(rows: pa.RecordBatch) -> Iterator[Problem]:
    """Yields what is wrong with imported rows, and rows of ours that say they are."""
    chosen = np.flatnonzero(_may_be_wrong(rows))
    columns = rows.select(list(_COLUMNS)).take(pa.array(chosen))
    for row, found in zip(chosen.tolist(), columns.to_pylist(), strict=True):
        published = found["label_method"] == PUBLISHED_LABEL
        for text in _published(found) if published else _ours(found):
            yield Problem(row, Rule.IMPORTED, text)


def _may_be_wrong(rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Tells which rows are imported, or have a value in a column that is theirs alone."""
    found = [pc.equal(rows.column("label_method"), PUBLISHED_LABEL)]
    for name in _OF_IMPORTS:
        column = rows.column(name)
        is_list = pa.types.is_list(column.type)
        found.append(pc.greater(pc.list_value_length(column), 0) if is_list else column.is_valid())
    may_be: npt.NDArray[np.bool_] = np.logical_or.reduce(
        [pc.fill_null(one, False).to_numpy(zero_copy_only=False) for one in found]
    )
    return may_be


_OF_IMPORTS = ("flags", "own_labels", "origin", "labels_license", "image_path_in_repo")


def _ours(row: dict[str, Any]) -> Iterator[str]:
    for name in _OF_IMPORTS:
        if row[name]:
            yield f"{name} is set in a row that was not imported"


def _published(row: dict[str, Any]) -> Iterator[str]:
    for flag in sorted(set(row["flags"]) - _FLAGS):
        yield f"there is no flag {flag!r}"
    if not row["origin"]:
        yield "it does not say where it is from"
    if not _is_object(row["own_labels"]):
        yield "own_labels is no JSON object"
    if row["adjudicated"]:
        yield "it says that it was adjudicated here"
    if row["in_control"] is not None:
        yield "in_control is set in a row that was imported"
    yield from _votes(row)
    yield from _image(row)


def _votes(row: dict[str, Any]) -> Iterator[str]:
    unknown = [row[name] is None for name in _COUNTS]
    if any(unknown) and not all(unknown):
        yield "some numbers of votes are null and others are not"
    if all(unknown):
        for name in ("agreement_ratio", "fleiss_Pi", "confidence"):
            if row[name] is not None:
                yield f"{name} is {row[name]}, without votes"
    elif row["agreement_ratio"] is None or row["confidence"] is None:
        yield "it has votes, but no agreement_ratio or confidence"


def _image(row: dict[str, Any]) -> Iterator[str]:
    expected = locator_image_id(
        row["image_source"], row["image_name"], row["image_url"], row["image_path_in_repo"]
    )
    flagged = RowFlag.IMAGE_ID_FROM_LOCATOR in row["flags"]
    if flagged and row["image_id"] != expected:
        yield "image_id is not that of what the row names its image by"
    if not flagged and row["image_id"] == expected:
        yield "image_id is made of the locator, and not flagged so"
    if flagged != (row["perceptual_hash"] is None):
        yield "perceptual_hash is null where the image was there, or set where it was not"


def check_import_report(folder: ReleaseFolder, manifest: Manifest, findings: Findings) -> None:
    """Checks that an imported release names all that its `release.json` counts as not placed."""
    if (IMPORT_REPORT in folder.sizes) != (manifest.imported is not None):
        expected = "is there" if manifest.imported is None else "is not there"
        findings.add(IMPORT_REPORT, Rule.IMPORTED, expected)
    elif manifest.imported is not None:
        try:
            items = json.loads(folder.text(IMPORT_REPORT) or "")["items"]
            named = Counter(str(item["why"]) for item in items)
        except (ValueError, KeyError, TypeError, RecursionError):
            findings.add(IMPORT_REPORT, Rule.IMPORTED, "names nothing that can be read")
            return
        if named != Counter(manifest.imported.unplaced):
            findings.add(
                IMPORT_REPORT, Rule.IMPORTED, "names other things than release.json counts"
            )


def _is_object(text: str | None) -> bool:
    try:
        return isinstance(json.loads(text or ""), dict)
    except (ValueError, RecursionError):
        return False
