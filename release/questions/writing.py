"""Writing a release of questions: its tables as Parquet, then all that follows from them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from alignbench.release.columns.cells import to_csv
from alignbench.release.publishing.shards import ShardWriter
from alignbench.release.questions.contents import QuestionContents
from alignbench.release.questions.statistics import (
    question_statistics,
    rows_sha256,
    statistics_path,
)
from alignbench.release.questions.texts import question_texts, texts_id
from alignbench.release.rows.images import BLOB_COLUMN, with_images
from alignbench.release_format.checksums import checksums_of, checksums_text
from alignbench.release_format.layout import CHECKSUMS, DATA, MANIFEST, Shard, parse_shard
from alignbench.release_format.question_columns import QUESTIONS, RATINGS, SPLIT, TABLES
from alignbench.release_format.question_manifest import (
    QuestionImages,
    QuestionManifest,
    QuestionsLeftOut,
    SetRecord,
)
from alignbench.schemas.configuration.question_sections import QuestionsConfig, QuestionSetConfig

_GROUP_ROWS: Final = 20_000
"""Rows of a row group of a table without images."""


def question_manifest(
    contents: QuestionContents, config: QuestionsConfig, resolved: Mapping[str, Any]
) -> QuestionManifest:
    """Returns the content of `release.json`.

    Args:
        contents: What goes into the release.
        config: Names, texts, and what the sets allow.
        resolved: The models and judges as they are configured, as JSON.
    """
    release = config.release
    questions = contents.tables[QUESTIONS.name]
    languages = sorted(set(questions["language"].to_pylist()))
    sources = questions["source"].to_pylist()
    return QuestionManifest(
        name=release.name,
        version=release.version,
        date=release.date,
        title=release.title or release.name,
        description=release.description,
        license=release.license,
        license_name=release.license_name,
        license_link=release.license_link,
        language=release.language or tuple(languages),
        authors=release.authors,
        url=release.url,
        cite_as=release.cite_as,
        sets={
            name: _set_record(name, config, sources.count(name)) for name in sorted(set(sources))
        },
        rows={name: len(table) for name, table in contents.tables.items()},
        rows_sha256=rows_sha256(contents.tables),
        images=QuestionImages(
            embedded=len(contents.blobs),
            withheld=len(contents.withheld),
            missing=questions["image_id"].null_count,
        ),
        raters=len(set(contents.tables[RATINGS.name]["annotator"].to_pylist())),
        left_out=QuestionsLeftOut(sets=contents.sets_left_out, **contents.left_out),
        texts=texts_id(),
        config=dict(resolved),
    )


def write_question_release(
    folder: Path,
    contents: QuestionContents,
    manifest: QuestionManifest,
    read: Callable[[str], bytes],
) -> None:
    """Writes the whole release folder, `SHA256SUMS` last.

    Args:
        folder: An empty folder.
        contents: What goes into it.
        manifest: Of `question_manifest`.
        read: Returns the bytes of a stored image; called from other threads.
    """
    for name, table in TABLES.items():
        rows = contents.tables[name]
        with ShardWriter(folder, Shard(DATA, name, SPLIT, 0, 0), table.schema) as writer:
            if table is QUESTIONS:
                for group in with_images(_with_blobs(rows, contents.blobs), read):
                    writer.write(group)
            else:
                for start in range(0, len(rows), _GROUP_ROWS):
                    writer.write(rows.slice(start, _GROUP_ROWS))
    sizes = {
        path: (folder / path).stat().st_size
        for path in checksums_of(folder)
        if parse_shard(path) is not None
    }
    statistics = question_statistics(contents.tables)
    texts = {
        **{statistics_path(name): to_csv(rows) for name, rows in statistics.items()},
        MANIFEST: manifest.to_json(),
        **question_texts(manifest, statistics, sizes),
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / CHECKSUMS).write_text(checksums_text(checksums_of(folder)), encoding="utf-8")


def _with_blobs(questions: pa.Table, blobs: Mapping[str, str]) -> list[pa.Table]:
    """Returns the questions with the place of their image: those that have none apart."""
    ids = questions["image_id"].to_pylist()
    places = pa.array([blobs.get(image_id) for image_id in ids], pa.string())
    rows = questions.append_column(BLOB_COLUMN, places)
    without = questions["image_id"].null_count
    return [rows.slice(0, without), rows.slice(without)]


def _set_record(name: str, config: QuestionsConfig, questions: int) -> SetRecord:
    said = config.sets.get(name, QuestionSetConfig())
    return SetRecord(
        license=said.license,
        images_redistributable=said.images_redistributable,
        questions=questions,
    )
