"""What a million sentences cost: status, planning, `label` and `release`, each in a fresh process.

A workspace of 200,000 captions by two models of 100,000 images, cut into five sentences each, with
three votes a sentence; the tables are written by their own writer, in parts of `--part-rows` rows.
No image is there: the release references all of them. The same with a hundredth of it tells whether
time grows with the rows: the last column is (seconds of the large one less those of a command that
has next to no rows) over a hundred times the same of the small one, by processor time.

    python -m benchmarks.million_rows [--sentences 1000000] [--part-rows 50000] [--keep FOLDER]
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.generators import SelectedGenerator, planned_generators
from alignbench.flows.split import installed_row
from alignbench.schemas import ids
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows.generation import Splitter
from alignbench.schemas.tables import (
    ANNOTATIONS,
    GENERATORS,
    IMAGES,
    ORIGINS,
    PAIRS,
    SENTENCES,
    SPLITTERS,
    TableSpec,
)
from alignbench.schemas.vocabulary import Direction
from alignbench.workspace.workspace import Workspace, open_workspace
from benchmarks.measuring import Measured, measured

ALIGNBENCH = str(Path(sys.executable).parent / "alignbench")
SENTENCES_A_CAPTION = 5
VOTES = 3
ANNOTATORS = 40
FORM = "A {} {} lies on the {} {} beside a {} {} that looks at it."
WORDS = tuple(
    words.split()
    for words in (
        "green black white brown small large round shiny dirty empty",
        "ball book shoe lamp vase coin rope cake drum kite",
        "plain light muddy dusty rocky sandy faded tiled paved mossy",
        "grass floor table beach shelf bench stone porch couch chair",
        "quiet happy young furry hairy brave tired silly proud timid",
        "dog cat boy hen cow man pig fox owl bee",
    )
)
"""Ten words for each place of `FORM`, equally long, so that all sentences share their offsets."""
LENGTH = len(FORM.format(*(words[0] for words in WORDS)))
MARKS = ((slice(2, 12), "attribute"), (slice(25, 36), "location"))
"""What is marked as wrong, by most and by one in five."""
START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = """
[[sources]]
name = "photos"
kind = "urls"
path = "images.csv"
[[captioners]]
name = "first"
backend = "openai"
base_url = "http://127.0.0.1:9/v1"
[[captioners]]
name = "second"
backend = "openai"
base_url = "http://127.0.0.1:9/v1"
[release]
images = "url"
figures = false
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "ingest --dry-run": ("ingest", "--dry-run"),
    "caption --dry-run": ("caption", "--dry-run"),
    "split, nothing to do": ("split",),
    "label": ("label",),
    "release": ("release",),
}
STEPS = ("prompts", "deal", "push", "deal captions", "push captions", "pull")
"""Planning that no command does alone: `benchmarks.million_child`."""
MADE_BY = {
    "label": ("tables/labels", "tables/label_sets"),
    "release": ("releases",),
    "deal": ("tables/assignments",),
}
"""What a step made when it was measured before, in a workspace that was kept."""
SMALL_SHARE = 100


class Targets(NamedTuple):
    """Most seconds and megabytes that a command may take with a million sentences."""

    seconds: float
    megabytes: float


TARGETS = {
    "status": Targets(5, 1000),
    "label": Targets(600, 4000),
    "release": Targets(600, 4000),
}
PLANNING = Targets(60, 1000)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=1_000_000)
    parser.add_argument("--part-rows", type=int, default=50_000)
    parser.add_argument("--only", nargs="*", default=[*COMMANDS, *STEPS])
    parser.add_argument("--keep", type=Path, help="Where workspaces are made, and stay.")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="alignbench-million-"))
    try:
        sizes = (SENTENCES_A_CAPTION * 2, options.sentences // SMALL_SHARE, options.sentences)
        found = [
            _all_of(made_workspace(folder, size, options.part_rows), options.only) for size in sizes
        ]
    finally:
        if options.keep is None:
            shutil.rmtree(folder)
    print(f"{sizes[-1]:,} sentences, parts of {options.part_rows:,} rows\n")
    print("| command | s | of the target | of processor time | peak MB | growth |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, least, small, large in zip(options.only, *found, strict=True):
        grown = (large.cpu_seconds - least.cpu_seconds) / max(
            1e-9, (small.cpu_seconds - least.cpu_seconds) * SMALL_SHARE
        )
        share = large.seconds / TARGETS.get(name, PLANNING).seconds
        figures = f"{large.seconds:.1f} | {share:.2f} | {large.cpu_seconds:.1f}"
        print(f"| {name} | {figures} | {large.peak_mb:,.0f} | {grown:.2f} |")


def _all_of(root: Path, names: Sequence[str]) -> list[Measured]:
    return [measured_command(root, name) for name in names]


def measured_command(root: Path, name: str) -> Measured:
    """Runs a command or a step on a workspace; what it made there before is deleted."""
    command = (
        [ALIGNBENCH, "-C", str(root), *COMMANDS[name]]
        if name in COMMANDS
        else [sys.executable, "-m", "benchmarks.million_child", str(root), name]
    )
    for made in MADE_BY.get(name, ()):
        shutil.rmtree(root / made, ignore_errors=True)
    found = measured(command)
    print(f"{root.name} {name}: {found.seconds:.1f} s, {found.peak_mb:,.0f} MB", file=sys.stderr)
    return found


def made_workspace(folder: Path, sentences: int, part_rows: int) -> Path:
    """Makes a workspace that is cut and answered, unless it is there; returns where it is."""
    root = folder / f"{sentences}"
    if (root / "alignbench.toml").exists():
        return root
    root.mkdir(parents=True)
    images = [ids.sha256_hex(f"image {number}".encode()) for number in range(sentences // 10)]
    urls = [f"https://example.org/{number}.jpg" for number in range(len(images))]
    (root / "images.csv").write_text("\n".join(["url", *urls]) + "\n")
    prompts = (
        f"A drawing of {number} red balls on the grass\n" for number in range(sentences // 5)
    )
    (root / "prompts.txt").write_text("".join(prompts))
    (root / "alignbench.toml").write_text(CONFIG)
    workspace, run = open_workspace(root), open_run(str(root))
    models = planned_generators(run, Direction.I2T)
    splitter = installed_row()
    workspace.table(GENERATORS).append([model.row for model in models], "benchmark")
    workspace.table(SPLITTERS).append([splitter], "benchmark")
    for first in range(0, len(images), part_rows):
        some = slice(first, first + part_rows)
        _write(workspace, IMAGES, _images(images[some]))
        _write(workspace, ORIGINS, _origins(images[some], urls[some]))
    for model in models:
        for first in range(0, len(images), part_rows // SENTENCES_A_CAPTION):
            some = images[first : first + part_rows // SENTENCES_A_CAPTION]
            pairs = ids.pair_ids(model.row.generator_id, some, 0)
            texts = [_texts(pair) for pair in pairs]
            captions = [" ".join(found) for found in texts]
            _write(workspace, PAIRS, _pairs(model, some, pairs, captions))
            sentences_of = _sentences(model, splitter, some, pairs, texts)
            _write(workspace, SENTENCES, sentences_of)
            for votes in _votes(sentences_of, random.Random(first)):
                _write(workspace, ANNOTATIONS, votes)
    return root


def _write(workspace: Workspace, spec: "TableSpec[Any]", columns: dict[str, Any]) -> None:
    """Commits columns as one part; one that is a single value is that in every row."""
    count = max(len(values) for values in columns.values() if isinstance(values, list | pa.Array))
    schema = arrow_schema(spec.row)
    arrays = [_array(columns[field.name], field.type, count) for field in schema]
    workspace.table(spec).append_table(pa.table(arrays, schema=schema), "benchmark")


def _array(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, list):
        return pa.array(values, kind)
    if pa.types.is_list(kind):
        return pa.array([[]] * count, kind)
    return pa.repeat(pa.scalar(values, kind), count)


def _images(images: list[str]) -> dict[str, Any]:
    return {
        "image_id": images,
        "image_type": "real",
        "width": 640,
        "height": 480,
        "format": "jpeg",
        "blob": [f"blobs/images/{image[:2]}/{image}.jpg" for image in images],
        "perceptual_hash": [image[:16] for image in images],
        "normalised": (),
    }


def _origins(images: list[str], urls: list[str]) -> dict[str, Any]:
    columns = dict.fromkeys(arrow_schema(ORIGINS.row).names)
    return columns | {
        "origin_id": ids.origin_ids("photos", urls),
        "image_id": images,
        "source": "photos",
        "locator": urls,
        "image_name": [url.rpartition("/")[2] for url in urls],
        "image_url": urls,
    }


def _texts(pair: str) -> list[str]:
    """Returns the sentences of a caption; their words follow from its id."""
    drawn = random.Random(pair)
    return [FORM.format(*map(drawn.choice, WORDS)) for _ in range(SENTENCES_A_CAPTION)]


def _pairs(
    model: SelectedGenerator, images: list[str], pairs: list[str], captions: list[str]
) -> dict[str, Any]:
    columns = dict.fromkeys(arrow_schema(PAIRS.row).names)
    return columns | {
        "pair_id": pairs,
        "generator_id": model.row.generator_id,
        "direction": "i2t",
        "model": model.row.model,
        "image_id": images,
        "sample_index": 0,
        "text": captions,
        "text_sha256": list(map(ids.text_sha256, captions)),
        "seed": [ids.item_seed(pair) for pair in pairs],
        "engine": json.dumps({}),
    }


def _sentences(
    model: SelectedGenerator,
    splitter: Splitter,
    images: list[str],
    pairs: list[str],
    texts: list[list[str]],
) -> dict[str, Any]:
    every = range(SENTENCES_A_CAPTION)
    starts = [index * (LENGTH + 1) for index in every]
    hashes = [ids.text_sha256(" ".join(found)) for found in texts]
    columns = dict.fromkeys(arrow_schema(SENTENCES.row).names)
    return columns | {
        "sentence_id": [
            ids.sentence_id(pair, sha256, splitter.splitter_id, start, start + LENGTH)
            for pair, sha256 in zip(pairs, hashes, strict=True)
            for start in starts
        ],
        "pair_id": [pair for pair in pairs for _ in every],
        "generator_id": model.row.generator_id,
        "direction": "i2t",
        "model": model.row.model,
        "image_id": [image for image in images for _ in every],
        "text_sha256": [sha256 for sha256 in hashes for _ in every],
        "sentence_index": list(every) * len(pairs),
        "text": [text for found in texts for text in found],
        "start": starts * len(pairs),
        "end": [start + LENGTH for start in starts] * len(pairs),
        "splitter_id": splitter.splitter_id,
    }


def _votes(sentences: dict[str, Any], order: random.Random) -> Iterator[dict[str, Any]]:
    """Yields the answers to some sentences: one in six is wrong, and so is one answer in ten."""
    numbers = np.random.default_rng(order.randrange(2**32))
    sentence_ids, texts = sentences["sentence_id"], sentences["text"]
    count = len(sentence_ids)
    is_wrong = numbers.random(count) < 1 / 6
    first = numbers.integers(0, ANNOTATORS, count)
    kind = arrow_schema(ANNOTATIONS.row).field("spans").type
    for vote in range(VOTES):
        says_wrong = is_wrong ^ (numbers.random(count) < 0.1)
        marks = (numbers.random(count) < 0.2).astype(int).tolist()
        columns = dict.fromkeys(arrow_schema(ANNOTATIONS.row).names)
        yield columns | {
            "server": "benchmark",
            "project_id": 1,
            "annotation_id": [int(key[:12], 16) * VOTES + vote for key in sentence_ids],
            "sentence_id": sentence_ids,
            "task_id": 1,
            "round": "1",
            "purpose": "label",
            "annotator": [f"annotator-{(one + vote) % ANNOTATORS}@example.org" for one in first],
            "verdict": np.where(says_wrong, "incorrect", "correct").tolist(),
            "spans": pa.array(
                [
                    [_wrong_span(text, mark)] if wrong else []
                    for text, wrong, mark in zip(texts, says_wrong, marks, strict=True)
                ],
                kind,
            ),
            "status": "submitted",
            "flags": (),
            "text_sha256": list(map(ids.text_sha256, texts)),
            "annotated_at": START,
            "updated_at": START,
        }


def _wrong_span(text: str, mark: int) -> dict[str, Any]:
    place, kind = MARKS[mark]
    return {"start": place.start, "end": place.stop, "type": kind, "text": text[place]}


if __name__ == "__main__":
    main()
