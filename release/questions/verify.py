"""Checks of a release of questions, from the release alone.

Whatever follows from other data in it is derived again: ids from what they stand for, hashes from
texts and images, statistics, card and counts from the rows. Texts are held whole; images stream.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from alignbench.release.columns.cells import same_csv, to_csv
from alignbench.release.documents.card import card_configs, card_facts
from alignbench.release.questions.rows import check_references, row_problems
from alignbench.release.questions.statistics import (
    question_statistics,
    rows_sha256,
    statistics_path,
)
from alignbench.release.questions.texts import question_texts, texts_id
from alignbench.release.verify.batches import Batch, batches
from alignbench.release.verify.files import check_files, check_shards
from alignbench.release.verify.images import image_problems
from alignbench.release.verify.order import OrderCheck
from alignbench.release.verify.report import Findings, Rule, VerifyReport
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CARD, CITATION, DATA, LICENCE, MANIFEST, Shard
from alignbench.release_format.question_columns import (
    IMAGE_COLUMN,
    QUESTIONS,
    RATINGS,
    SPLIT,
    TABLES,
    ReleasedTable,
)
from alignbench.release_format.question_manifest import QuestionImages, QuestionManifest

_RULE_OF_TEXT: Final = {CARD: Rule.CARD, LICENCE: Rule.TERMS, CITATION: Rule.TERMS}


def verify_questions(folder: ReleaseFolder) -> VerifyReport:
    """Checks a release of questions.

    Args:
        folder: The release.

    Returns:
        Every broken rule, with file and row.
    """
    findings = Findings()
    check_files(folder, findings)
    shards = check_shards(folder, findings)
    images = _ImageCounter()
    tables = {
        name: _checked_table(folder, table, shards, images, findings)
        for name, table in TABLES.items()
    }
    for path, shard in shards.items():
        if shard.kind != DATA or shard.model not in TABLES or shard.split != SPLIT:
            findings.add(path, Rule.SHARDS, "is of no table of a release of questions")
    check_references(tables, findings)
    manifest = _checked_manifest(folder, findings)
    if manifest is not None:
        _check_counts(manifest, tables, images, findings)
    if not findings.counts.keys() & {Rule.PARQUET, Rule.SCHEMA, Rule.NULL, Rule.REFERENCE}:
        sizes = {path: folder.sizes[path] for path in shards}
        _check_texts(folder, manifest, tables, sizes, findings)
    return VerifyReport(
        address=folder.address,
        files=len(folder.sizes),
        rows=sum(len(rows) for rows in tables.values()),
        votes=len(tables[RATINGS.name]),
        findings=tuple(findings.kept),
        broken=dict(sorted(findings.counts.items())),
    )


class _ImageCounter:
    """Which images the questions have, and which of them are in the files."""

    def __init__(self) -> None:
        self.embedded: set[str] = set()
        self.withheld: set[str] = set()
        self.missing = 0

    def add(self, batch: Batch, findings: Findings) -> None:
        """Counts the images of a batch, and checks those that are there."""
        rows = batch.rows
        image = rows.column(IMAGE_COLUMN)
        data = pc.struct_field(image, "bytes")
        columns = (
            rows.column("image_id").to_pylist(),
            rows.column("redistributable").to_pylist(),
            pc.struct_field(image, "path").to_pylist(),
        )
        for row, (image_id, may, path) in enumerate(zip(*columns, strict=True)):
            buffer = data[row].as_buffer() if data[row].is_valid else None
            if image_id is None:
                self.missing += 1
            elif may is False:
                self.withheld.add(image_id)
            if buffer is None and path is None:
                continue
            if may is False:
                text = f"the image {image_id} may not be passed on and is embedded"
                findings.add(batch.file, Rule.LICENCE, text, batch.first + row)
            if image_id in self.embedded:
                continue
            if image_id is not None:
                self.embedded.add(image_id)
            for text in image_problems(image_id, path, buffer):
                findings.add(batch.file, Rule.IMAGE, text, batch.first + row)

    def counts(self) -> QuestionImages:
        """Returns how many there are."""
        return QuestionImages(
            embedded=len(self.embedded), withheld=len(self.withheld), missing=self.missing
        )


def _checked_table(
    folder: ReleaseFolder,
    table: ReleasedTable,
    shards: dict[str, Shard],
    images: _ImageCounter,
    findings: Findings,
) -> pa.Table:
    """Checks a table row by row, and returns what could be read of it, without images."""
    order = OrderCheck(table.order)
    seen: set[tuple[object, ...]] = set()
    read = []
    for path, shard in shards.items():
        if (shard.kind, shard.model, shard.split) != (DATA, table.name, SPLIT):
            continue
        for batch in batches(folder, path, table.schema, table.required, findings):
            if table is QUESTIONS:
                images.add(batch, findings)
            else:
                order.check(batch, shard, findings)
            rows = batch.rows.select(table.without_image.names)
            read.append(rows.replace_schema_metadata(None).cast(table.without_image))
            for row, values in enumerate(rows.to_pylist()):
                key = tuple(values[name] for name in table.key)
                if key in seen:
                    findings.add(path, Rule.DUPLICATE, f"{key} is there twice", batch.first + row)
                seen.add(key)
                for rule, text in row_problems(table, values):
                    findings.add(path, rule, text, batch.first + row)
    found = pa.Table.from_batches(read, table.without_image)
    if table is QUESTIONS:
        _check_question_order(found, findings)
    return found


def _check_question_order(questions: pa.Table, findings: Findings) -> None:
    """Checks the order of the questions: those without an image first, then by image."""
    ids, images = (questions[name].to_pylist() for name in ("question_id", "image_id"))
    places = [(image is not None, image or "", own) for own, image in zip(ids, images, strict=True)]
    if places != sorted(places):
        findings.add(f"{DATA}/{QUESTIONS.name}", Rule.ORDER, "rows are not sorted by image")


def _checked_manifest(folder: ReleaseFolder, findings: Findings) -> QuestionManifest | None:
    try:
        return QuestionManifest.model_validate_json(folder.text(MANIFEST) or "")
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in found["loc"])
        findings.add(MANIFEST, Rule.MANIFEST, f"{place or 'the file'} is wrong: {found['msg']}")
        return None


def _check_counts(
    manifest: QuestionManifest,
    tables: dict[str, pa.Table],
    images: _ImageCounter,
    findings: Findings,
) -> None:
    sources = tables[QUESTIONS.name]["source"].to_pylist()
    expected: dict[str, object] = {
        "rows": {name: len(rows) for name, rows in tables.items()},
        "images": images.counts(),
        "raters": len(set(tables[RATINGS.name]["annotator"].to_pylist())),
        "sets": {name: sources.count(name) for name in sorted(set(sources))},
    }
    if Rule.VALUE not in findings.counts:  # a number that is none has no JSON
        expected["rows_sha256"] = rows_sha256(tables)
    said: dict[str, object] = {
        "rows": manifest.rows,
        "images": manifest.images,
        "raters": manifest.raters,
        "sets": {name: one.questions for name, one in manifest.sets.items()},
        "rows_sha256": manifest.rows_sha256,
    }
    for name, value in expected.items():
        if said[name] != value:
            text = f"{name} is {said[name]}, the rows come to {value}"
            findings.add(MANIFEST, Rule.MANIFEST, text)
    licences = zip(sources, tables[QUESTIONS.name]["license"].to_pylist(), strict=True)
    for source, licence in sorted(set(licences), key=str):
        if source in manifest.sets and manifest.sets[source].license != licence:
            text = f"the licence of {source} is not that of its questions, {licence!r}"
            findings.add(MANIFEST, Rule.MANIFEST, text)


def _check_texts(
    folder: ReleaseFolder,
    manifest: QuestionManifest | None,
    tables: dict[str, pa.Table],
    sizes: dict[str, int],
    findings: Findings,
) -> None:
    statistics = question_statistics(tables)
    for name, rows in statistics.items():
        path = statistics_path(name)
        if not same_csv(folder.text(path) or "", to_csv(rows)):
            findings.add(path, Rule.STATISTICS, "is not what the rows come to")
    if manifest is None or manifest.rows.keys() != TABLES.keys():
        return
    whole = manifest.texts == texts_id()
    for path, expected in question_texts(manifest, statistics, sizes).items():
        text = folder.text(path) or ""
        if not (text == expected if whole else _says_the_same(path, text, expected)):
            findings.add(path, _RULE_OF_TEXT[path], "is not what the release makes it")


def _says_the_same(path: str, text: str, expected: str) -> bool:
    """Tells whether a text that another version worded says what this one would."""
    if path != CARD:
        return bool(text.strip())
    return _facts(text) == _facts(expected)


def _facts(card: str) -> tuple[Sequence[str], dict[str, list[str]]]:
    return card_facts(card), card_configs(card)
