"""A paper's report: 25 detectors, 8 generating models, 100,000 sentences of 14,000 images.

The scores are there already, put into the table by this script: what is measured is the report,
with every analysis, figure, table and page. The first of two runs makes small copies of the images.

    python -m benchmarks.paper [--sentences 100000]
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry, PreparedDetector
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.schemas.tables import SCORES
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.tables.parts import encode_part, part_folder
from benchmarks.measuring import Measured, measured
from tests.evaluation.many_detectors import many_scores, many_sentences
from tests.evaluation.releases import write_release

_SENTENCES_OF_IMAGE = 7


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        described = _prepared(folder, asked.sentences)
        alignbench = str(Path(sys.executable).parent / "alignbench")
        command = [alignbench, "evaluate", str(folder / "release"), "--json"]
        command += ["--out", str(folder / "out"), "--detectors", str(described)]
        _print("report, with copies of the images", measured(command))
        _print("report, images copied before", measured(command))
        for path in ("report.html", "sentences.html"):
            print(f"{path}: {(folder / 'out' / path).stat().st_size / 1e6:.1f} MB")
        data = list((folder / "out/sentences").glob("*.js"))
        size = sum(path.stat().st_size for path in data) / 1e6
        print(f"sentences/: {size:.0f} MB in {len(data)} files of data")


def _prepared(folder: Path, number: int) -> Path:
    """Writes a release and its scores; returns the file that describes the detectors."""
    sentences = many_sentences(number, number // _SENTENCES_OF_IMAGE)
    families = {"GPT-4o": "gpt", "Llama-4-109B": "llama"}
    write_release(folder / "release", sentences, families, group=2000)
    entries = []
    store = LocalStore(folder / "out")
    for detector in many_scores(sentences):
        path = folder / f"{detector.name}.parquet"
        ids = sentences.table["sentence_id"]
        pq.write_table(pa.table({"sentence_id": ids, "score": detector.scores}), path)
        options = {"path": str(path)}
        entry = DetectorEntry(
            name=detector.name, backend="scores", family=detector.family, options=options
        )
        prepared = PreparedDetector(entry)
        name, data = encode_part(SCORES.name, _rows(sentences, detector, prepared.detector_id))
        store.write(f"{part_folder(SCORES.name)}/{name}", data)
        entries.append(
            f'[[detectors]]\nname = "{detector.name}"\nbackend = "scores"\n'
            f'family = "{detector.family}"\noptions = {{ path = "{path}" }}\n'
        )
    text = "\n".join(entries)
    described = folder / "detectors.toml"
    described.write_text(text, encoding="utf-8")
    return described


def _rows(sentences: Sentences, detector: Scored, detector_id: str) -> pa.Table:
    """Returns a detector's rows of the table of scores."""
    number = len(sentences)
    known = {
        "sentence_id": sentences.table["sentence_id"],
        "image_id": sentences.table["image_id"],
        "detector_id": pa.array([detector_id] * number),
        "score": pa.array(detector.scores),
        "words": pa.array([[]] * number, SCORES.schema.field("words").type),
        "status": pa.array(["scored"] * number),
        "release": pa.array(["made/1.0.0"] * number),
        "attempts": pa.array([1] * number, SCORES.schema.field("attempts").type),
        "seconds": pa.array([0.01] * number),
        "created_at": pa.array([datetime.now(UTC)] * number),
        "run_id": pa.array(["benchmark"] * number),
    }
    columns = [
        known[field.name].cast(field.type) if field.name in known else pa.nulls(number, field.type)
        for field in SCORES.schema
    ]
    return pa.Table.from_arrays(columns, schema=SCORES.schema)


def _print(what: str, found: Measured) -> None:
    print(
        f"{what}: {found.seconds:.1f} s, {found.cpu_seconds:.1f} s of processor time, "
        f"at most {found.peak_mb:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
