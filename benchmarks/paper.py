"""A paper's report: 25 detectors, 8 generating models, 100,000 sentences of 14,000 images.

First the scores are read from files; then the command is run again on scores that are there, which
is what the report takes: every analysis, figure, table and page.

    python -m benchmarks.paper [--sentences 100000]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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
        _print("scores read from files, images copied", measured(command))
        _print("report of scores that are there", measured(command))
        for path in ("report.html", "sentences.html"):
            print(f"{path}: {(folder / 'out' / path).stat().st_size / 1e6:.1f} MB")
        data = list((folder / "out/sentences").glob("*.js"))
        size = sum(path.stat().st_size for path in data) / 1e6
        print(f"sentences/: {size:.0f} MB in {len(data)} files of data")


def _prepared(folder: Path, number: int) -> Path:
    """Writes a release, and scores in files; returns the file that describes the detectors."""
    sentences = many_sentences(number, number // _SENTENCES_OF_IMAGE)
    families = {"GPT-4o": "gpt", "Llama-4-109B": "llama"}
    write_release(folder / "release", sentences, families, group=2000)
    entries = []
    for detector in many_scores(sentences):
        path = folder / f"{detector.name}.parquet"
        ids = sentences.table["sentence_id"]
        pq.write_table(pa.table({"sentence_id": ids, "score": detector.scores}), path)
        entries.append(
            f'[[detectors]]\nname = "{detector.name}"\nbackend = "scores"\n'
            f'family = "{detector.family}"\noptions = {{ path = "{path}" }}\n'
        )
    text = "\n".join(entries)
    described = folder / "detectors.toml"
    described.write_text(text, encoding="utf-8")
    return described


def _print(what: str, found: Measured) -> None:
    print(
        f"{what}: {found.seconds:.1f} s, {found.cpu_seconds:.1f} s of processor time, "
        f"at most {found.peak_mb:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
