"""Do ids, seeds and splitters follow from what a row says, and do the rows of one text agree?"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

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

_COLUMNS: Final = (
    "label_method", "sentence_id", "pair_id", "sentence_index", "sentence_start", "sentence_end",
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
        self._last: Row | None = None

    def check(self, batch: Batch, findings: Findings) -> None:
        """Checks a batch; batches come in the order of their rows."""
        for number, row in enumerate(batch.rows.select(list(_COLUMNS)).to_pylist()):
            place = batch.first + number
            imported = row["label_method"] == PUBLISHED_LABEL
            problems = _imported_ids(row) if imported else self._own_ids(row)
            for text in problems:
                findings.add(batch.file, Rule.IDENTITY, text, place)
            if not imported and row["label_method"] != self._origins.method:
                text = f"label_method is {row['label_method']}, release.json says otherwise"
                findings.add(batch.file, Rule.IDENTITY, text, place)
            if self._last is not None:
                for text in _differences(self._last, row):
                    findings.add(batch.file, Rule.AGREES, text, place)
            self._last = row

    def _own_ids(self, row: Row) -> Iterator[str]:
        splitter = _splitter_id(row["splitter"])
        if splitter is None or splitter != self._origins.splitter_id:
            yield f"splitter {row['splitter']!r} is not that of release.json"
        expected = ids.sentence_id(
            row["pair_id"],
            ids.text_sha256(row["full_caption"]),
            self._origins.splitter_id or "",
            row["sentence_start"],
            row["sentence_end"],
        )
        if row["sentence_id"] != expected:
            yield f"sentence_id is {row['sentence_id']}, its text and place make it {expected}"
        if row["seed"] != ids.item_seed(row["pair_id"]):
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


def _splitter_id(text: str | None) -> str | None:
    found = _SPLITTER.fullmatch(text or "")
    return ids.splitter_id(found["model"], found["version"], int(found["rules"])) if found else None


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
