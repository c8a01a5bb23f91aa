"""Submissions are checked against the release, and ranked by what their own scores give."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.evaluation.chosen_detectors.entries import DetectorEntry
from alignbench.evaluation.errors import SubmissionError
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.submissions import Submission
from alignbench.flows.evaluate import evaluate
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_scores, made_sentences

SENTENCES = made_sentences(500, 80)
KEY = b"alignbench_submission"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_release(tmp_path_factory.mktemp("ranked") / "1.0.0", SENTENCES)
    (folder / "SHA256SUMS").write_text("made\n")
    return folder


@pytest.fixture(scope="module")
def submitted(release: Path) -> list[Path]:
    """Files of three detectors, the strongest of which is named last."""
    base = release.parent
    entries = []
    for name, strength in (("weak", 0.1), ("better", 0.8), ("best", 2.0)):
        scores = made_scores(SENTENCES, name, strength, seed=len(name)).scores
        path = base / f"{name}.parquet"
        ids = SENTENCES.table["sentence_id"]
        pq.write_table(pa.table({"sentence_id": ids, "score": scores}), path)
        entries.append(DetectorEntry(name=name, backend="scores", options={"path": str(path)}))
    quick = Settings(figures=False, sentences=False, submissions=True)
    evaluate(str(release), entries, base / "out", quick)
    return [base / "out/submissions" / f"{e.name}.submission.parquet" for e in entries]


def ranked(release: Path, files: list[Path], out: Path) -> tuple[int, dict[str, Any]]:
    command = ["leaderboard", str(release), *map(str, files), "--out", str(out), "--no-figures"]
    done = CliRunner().invoke(app, [*command, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_submissions_are_ranked_with_corrected_p_values(
    release: Path, submitted: list[Path], tmp_path: Path
) -> None:
    code, found = ranked(release, submitted, tmp_path)
    rows = found["results"]["leaderboard"]
    assert code == 0
    assert [(row["rank"], row["detector"]) for row in rows] == [
        (1, "best"),
        (2, "better"),
        (3, "weak"),
    ]
    assert rows[0]["behind_first"] is None
    assert rows[1]["p_holm"] >= rows[1]["p"] > 0
    assert rows[2]["auroc"] == pytest.approx(rows[0]["auroc"] - rows[2]["behind_first"])
    assert (tmp_path / "leaderboard.html").exists()
    assert (tmp_path / "results" / "leaderboard.tex").exists()


def raised(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    claim["mean_auroc"] += 0.01
    return table


def cut(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    return table.slice(0, 400)


def doubled(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def strange(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    return pa.concat_tables([table, pa.table({"sentence_id": ["x"], "score": [1.0]}, table.schema)])


def infinite(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    scores = [float("inf"), *table["score"].to_pylist()[1:]]
    return table.set_column(1, "score", pa.array(scores))


def elsewhere(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    claim["release"] = "another/1.0.0"
    return table


def other_files(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    claim["release_sha256sums"] = "0" * 64
    return table


def of_a_split(table: pa.Table, claim: dict[str, Any]) -> pa.Table:
    claim["split"] = "train"
    return table


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (raised, "it claims a mean AUROC of"),
        (cut, "it has no score of 100 of 500 sentences"),
        (doubled, "a sentence is scored twice"),
        (strange, "1 of its sentences are not among those evaluated"),
        (infinite, "a score is not a finite number"),
        (elsewhere, "it is of the release another/1.0.0, not made/1.0.0"),
        (other_files, "the checksums differ"),
        (of_a_split, "it is of the split 'train', not of all splits"),
    ],
)
def test_a_submission_that_does_not_hold_is_refused_by_name_and_the_others_are_ranked(
    release: Path,
    submitted: list[Path],
    tmp_path: Path,
    change: Callable[[pa.Table, dict[str, Any]], pa.Table],
    reason: str,
) -> None:
    table = pq.read_table(submitted[2])
    claim = json.loads(table.schema.metadata[KEY])
    changed = change(table, claim).replace_schema_metadata({KEY: json.dumps(claim).encode()})
    pq.write_table(changed, tmp_path / "changed.parquet")
    code, found = ranked(release, [submitted[0], tmp_path / "changed.parquet"], tmp_path / "out")
    assert code == 1
    [refused] = found["refused"]
    assert any(reason in why for why in refused["reasons"])
    assert [row["detector"] for row in found["results"]["leaderboard"]] == ["weak"]
    assert reason.replace("'", "&#39;") in (tmp_path / "out/leaderboard.html").read_text()


def test_the_same_name_twice_is_refused(
    release: Path, submitted: list[Path], tmp_path: Path
) -> None:
    code, found = ranked(release, [submitted[0], submitted[0]], tmp_path)
    assert code == 1
    assert found["refused"][0]["reasons"] == ["another submission has the name 'weak'"]


def test_what_is_no_submission_is_refused_with_the_way_to_make_one(
    release: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.csv").write_text("sentence_id,score\n")
    pq.write_table(pa.table({"sentence_id": ["x"], "score": [1.0]}), tmp_path / "plain.parquet")
    for name in ("text.csv", "plain.parquet", "missing.parquet"):
        with pytest.raises(SubmissionError, match="is no submission"):
            Submission(tmp_path / name)
