"""Evaluating 100,000 scores that exist: all analyses with intervals, files and report.

Three detectors' scores in files, one of them with scores of words; eight generating models; 14,000
images. Time and memory of the whole command, as a process of its own.

    python -m benchmarks.evaluation [--sentences 100000]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.evaluation.scores.scored import Sentences
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_scores, made_sentences

MODELS = tuple(f"model-{number}" for number in range(8))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sentences = made_sentences(asked.sentences, asked.sentences // 7, MODELS)
        write_release(folder / "release", sentences, group=2000)
        files = [_scores(folder, sentences, k, words=k == 0) for k in range(3)]
        alignbench = str(Path(sys.executable).parent / "alignbench")
        command = [alignbench, "evaluate", str(folder / "release"), "--out", str(folder / "out")]
        command += ["--json"]
        for file in files:
            command += ["--scores", str(file)]
        for turn in ("scores read from files, then evaluated", "scores there already"):
            started = time.perf_counter()
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            seconds = time.perf_counter() - started
            results = json.loads(done.stdout)["results"]
            rows = sum(map(len, results.values()))
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{turn}: {seconds:.1f} s, {most:.0f} MB, {rows:,} rows of results", flush=True)
        print(f"report: {(folder / 'out/report.html').stat().st_size / 1e6:.1f} MB")


def _scores(folder: Path, sentences: Sentences, number: int, *, words: bool) -> Path:
    scored = made_scores(sentences, f"detector-{number}", 0.4 + 0.3 * number, seed=number)
    columns = {"sentence_id": sentences.table["sentence_id"], "score": scored.scores}
    if words:
        random = np.random.default_rng(9)
        of = [(0, 3), (4, 7), (8, 12)]
        columns["words"] = pa.array(
            [
                [
                    {"start": s, "end": e, "score": float(x)}
                    for (s, e), x in zip(of, row, strict=True)
                ]
                for row in random.normal(0, 1, (len(sentences), 3))
            ]
        )
    path = folder / f"detector-{number}.parquet"
    pq.write_table(pa.table(columns), path)
    return path


if __name__ == "__main__":
    main()
