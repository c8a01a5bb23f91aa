"""`alignbench evaluate` as a researcher calls it: on a folder, with scores of their own."""

import json
from pathlib import Path

import pytest

from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences
from tests.fixtures.tiny_dual_encoders import save_clip
from tests.flows.roads import alignbench

SENTENCES = made_sentences(300, 60)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_release(tmp_path / "downloaded" / "made" / "1.0.0", SENTENCES)


def scores_of(path: Path, skip: int = 0) -> Path:
    rows = SENTENCES.table.select(["sentence_id", "annotation"]).to_pylist()[skip:]
    lines = [f"{row['sentence_id']},{float(row['annotation'] == 'correct')}" for row in rows]
    path.write_text("\n".join(["sentence_id,score", *lines]))
    return path


def test_scores_of_ones_own_are_evaluated_beside_a_detector(tmp_path: Path, release: Path) -> None:
    mine = scores_of(tmp_path / "mine.csv")
    named = ["--detector", "sentence_length", "--scores", str(mine)]
    done = alignbench(tmp_path, "evaluate", str(release), *named, "--no-figures")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "evaluations" / "made" / "1.0.0"
    assert f"Report: {Path('evaluations', 'made', '1.0.0', 'report.html')}" in done.stdout
    assert (folder / "report.html").is_file()
    assert (folder / "tables" / "scores").is_dir(), "Scores are kept, to go on where it stopped."
    assert not list(release.rglob("*.html")), "A release is not written to."
    again = alignbench(tmp_path, "evaluate", str(release), *named, "--no-figures", "--json")
    results = json.loads(again.stdout)["results"]["auroc_by_model"]
    assert {row["auroc"] for row in results if row["detector"] == "mine"} == {1.0}


def test_a_release_with_a_hostile_name_is_evaluated_in_the_current_folder(
    tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads((release / "release.json").read_text())
    record["name"] = "../../../outside"
    (release / "release.json").write_text(json.dumps(record))
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    done = alignbench(here, "evaluate", str(release), "--detector", "sentence_length",
                      "--no-figures")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("outside"))
    assert (here / "evaluations" / "made" / "1.0.0" / "report.html").is_file()


def test_a_file_that_lacks_scores_ends_with_1_and_still_reports(
    tmp_path: Path, release: Path
) -> None:
    mine = scores_of(tmp_path / "mine.csv", skip=30)
    out = tmp_path / "out"
    asked = ["--scores", str(mine), "--no-figures", "--out", str(out)]
    done = alignbench(tmp_path, "evaluate", str(release), *asked)
    assert done.returncode == 1
    assert "'mine' has no usable score of 10.0% of the sentences" in done.stderr
    assert (out / "report.html").is_file()


def test_images_that_may_not_be_passed_on_are_counted_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_release(tmp_path / "made" / "1.0.0", SENTENCES, kept_out=5)
    clip = save_clip(tmp_path / "clip")
    asked = ["--detector", f"clip:repo={clip}", "--no-figures"]
    done = alignbench(tmp_path, "evaluate", str(folder), *asked)
    assert done.returncode == 0, done.stderr
    assert "no usable score and are left out of its results. First reason: AB-E20" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No detector is named"),
        (["--detector", "sentense_length"], "Did you mean 'sentence_length'?"),
        (["--detectors", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--scores", "nowhere.csv"], "nowhere.csv cannot be read as scores"),
    ],
)
def test_a_mistake_is_named_and_ends_with_2(
    tmp_path: Path, release: Path, arguments: list[str], said: str
) -> None:
    done = alignbench(tmp_path, "evaluate", str(release), *arguments, "--no-figures")
    assert done.returncode == 2, done.stderr
    assert said in " ".join(done.stderr.split())
