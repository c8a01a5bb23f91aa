"""Do ids, seeds and splitters follow from what a row says, and do the rows of one text agree?"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Rule
from alignbench.schemas import ids
from alignbench.schemas.vocabulary import PUBLISHED_LABEL

_SPLITTER: Final = re.compile(r"(?P<model>\S+) (?P<version>\S+), rules (?P<rules>\d+)")

_OF_TEXT: Final = (
    "image_id", "direction", "full_caption", "instruction", "generator_revision",
    "generator_params", "seed", "splitter",
)  # fmt: skip
"""Columns that the sentences of one text share."""

_OF_IMAGE: Final = (
    "image_source", "image_name", "image_type", "image_url", "domain", "license",
    "redistributable", "perceptual_hash",
)  # fmt: skip
"""Columns that all rows of an image share in one file, unless they were imported: two captions of
a published set may name the same image otherwise."""

_OF_GENERATOR: Final = ("direction", "generator_revision", "instruction", "generator_params")

_OF_ID: Final = (
    "label_method", "sentence_id", "pair_id", "sentence_index", "sentence_start", "sentence_end",
    "full_caption", "seed", "splitter", *_OF_GENERATOR,
)  # fmt: skip
_OF_NEIGHBOURS: Final = (
    "label_method", "pair_id", "sentence_index", "sentence_start", "sentence_end",
    *_OF_TEXT, *_OF_IMAGE,
)  # fmt: skip

Row = dict[str, Any]


class Origins(NamedTuple):
    """What `release.json` says that the rows were made by, as far as it can be read.

    Attributes:
        generator_ids: The generators whose texts were released.
        splitter_id: What cut them into sentences.
        method: How votes became labels.
        models: Backend and repository of each model that the configuration names.
    """

    generator_ids: frozenset[str]
    splitter_id: str | None
    method: str | None
    models: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Reads the content of `release.json`, of which nothing is known."""
        selection, label_set = (_section(record, name) for name in ("selection", "label_set"))
        config = _section(record, "config")
        models: set[tuple[str, str]] = set()
        for kind in ("captioners", "image_generators"):
            for entry in _list(config.get(kind)):
                if isinstance(entry, dict) and {"name", "backend"} <= entry.keys():
                    repo = str(entry.get("repo") or entry["name"])
                    models.add((str(entry["backend"]), repo))
        return cls(
            frozenset(map(str, _list(selection.get("generator_ids")))),
            selection.get("splitter_id"),
            label_set.get("method"),
            frozenset(models),
        )


class IdentityCheck:
    """Checks one file's rows in order."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self._generators: dict[tuple[Any, ...], bool] = {}
        self._last: pa.Table | None = None

    def check(self, batch: Batch, findings: Findings) -> None:
        """Checks a batch; batches come in the order of their rows."""
        rows = batch.rows.select(list(_OF_ID)).to_pylist()
        for number, row in enumerate(rows):
            place = batch.first + number
            imported = row["label_method"] == PUBLISHED_LABEL
            problems = _imported_ids(row) if imported else self._own_ids(row)
            for text in problems:
                findings.add(batch.file, Rule.IDENTITY, text, place)
            if not imported and row["label_method"] != self._origins.method:
                text = f"label_method is {row['label_method']}, release.json says otherwise"
                findings.add(batch.file, Rule.IDENTITY, text, place)
        self._check_neighbours(batch, findings)

    def _check_neighbours(self, batch: Batch, findings: Findings) -> None:
        """Compares each row with the one before it, the last of the batch before included."""
        table = pa.Table.from_batches([batch.rows.select(list(_OF_NEIGHBOURS))])
        rows = pa.concat_tables([self._last, table]) if self._last is not None else table
        offset = batch.first - (len(rows) - len(table))
        for place in _unlike_the_row_before(rows):
            last, row = rows.slice(place - 1, 2).to_pylist()
            for text in _differences(last, row):
                findings.add(batch.file, Rule.AGREES, text, offset + place)
        self._last = rows.slice(len(rows) - 1)

    def _own_ids(self, row: Row) -> Iterator[str]:
        splitter = _splitter_id(row["splitter"])
        text_sha256, seed = _of_text(row["full_caption"], row["pair_id"])
        if splitter is None or splitter != self._origins.splitter_id:
            yield f"splitter {row['splitter']!r} is not that of release.json"
        expected = ids.sentence_id(
            row["pair_id"],
            text_sha256,
            self._origins.splitter_id or "",
            row["sentence_start"],
            row["sentence_end"],
        )
        if row["sentence_id"] != expected:
            yield f"sentence_id is {row['sentence_id']}, its text and place make it {expected}"
        if row["seed"] != seed:
            yield "seed is not that of its pair_id"
        if not _is_object(row["generator_params"]):
            yield "generator_params is no JSON object"
        elif self._origins.models and not self._is_released(row):
            yield "instruction, revision and params are of no generator that release.json lists"

    def _is_released(self, row: Row) -> bool:
        """Tells whether a row's generator is one of those that were released."""
        key = tuple(row[name] for name in _OF_GENERATOR)
        if key not in self._generators:
            direction, revision, instruction, params = key
            try:
                candidates = {
                    ids.generator_id(
                        direction, backend, repo, revision, instruction, json.loads(params)
                    )
                    for backend, repo in self._origins.models
                }
            except (ValueError, RecursionError):
                candidates = set()
            self._generators[key] = bool(candidates & self._origins.generator_ids)
        return self._generators[key]


def _imported_ids(row: Row) -> Iterator[str]:
    place = row["sentence_start"], row["sentence_end"], row["sentence_index"]
    expected = ids.derive_id(row["pair_id"], *place)
    if row["sentence_id"] != expected:
        yield f"sentence_id is {row['sentence_id']}, its place makes it {expected}"


def _unlike_the_row_before(rows: pa.Table) -> list[int]:
    """Returns the places of rows that may disagree with the row before; none is left out."""
    if len(rows) < 2:
        return []
    here, before = rows.slice(1), rows.slice(0, len(rows) - 1)
    of_text, of_image = (
        np.logical_or.reduce([_differ(here[name], before[name]) for name in names])
        for names in (_OF_TEXT, _OF_IMAGE)
    )
    overlaps = _truth(pc.less(here["sentence_start"], before["sentence_end"]))
    later = _truth(pc.greater(here["sentence_index"], before["sentence_index"]))
    one_text = ~_differ(here["pair_id"], before["pair_id"])
    one_image = ~_differ(here["image_id"], before["image_id"])
    found = (one_text & (of_text | (later & overlaps))) | (one_image & of_image)
    places: list[int] = (np.flatnonzero(found) + 1).tolist()
    return places


def _differ(here: pa.ChunkedArray, before: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Tells where two columns differ; a null differs from all but a null."""
    nulls = _truth(pc.is_null(here)), _truth(pc.is_null(before))
    differ: npt.NDArray[np.bool_] = _truth(pc.not_equal(here, before)) | (nulls[0] != nulls[1])
    return differ


def _truth(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy()
    return found


def _differences(last: Row, row: Row) -> Iterator[str]:
    if row["pair_id"] == last["pair_id"]:
        yield from _unequal(last, row, _OF_TEXT, "text")
        if row["sentence_index"] > last["sentence_index"] and (
            row["sentence_start"] < last["sentence_end"]
        ):
            yield "it begins before the sentence before it ends"
    if row["image_id"] == last["image_id"] and row["label_method"] != PUBLISHED_LABEL:
        yield from _unequal(last, row, _OF_IMAGE, "image")


def _unequal(last: Row, row: Row, names: tuple[str, ...], of: str) -> Iterator[str]:
    for name in names:
        if row[name] != last[name]:
            yield f"{name} is {row[name]!r}, in the row before, of the same {of}, {last[name]!r}"


@lru_cache(1)
def _of_text(full_caption: str, pair_id: str) -> tuple[str, int]:
    """Returns the hash and the seed of a text; its sentences come one after the other."""
    return ids.text_sha256(full_caption), ids.item_seed(pair_id)


@lru_cache(1)
def _splitter_id(text: str | None) -> str | None:
    found = _SPLITTER.fullmatch(text or "")
    return ids.splitter_id(found["model"], found["version"], int(found["rules"])) if found else None


@lru_cache(16)
def _is_object(text: str | None) -> bool:
    try:
        # JSON has no NaN, though Python reads it.
        return isinstance(json.loads(text or "", parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(name: str) -> None:
    raise ValueError(name)


def _section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
