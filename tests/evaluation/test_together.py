"""Several releases in one call stand in one table; prompts are summed up, time and cost told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.evaluation.analyses.by_model import MEAN, model_auroc
from alignbench.evaluation.analyses.by_prompt import by_prompt
from alignbench.evaluation.analyses.cost import cost
from alignbench.evaluation.chosen_detectors.entries import (
    DetectorEntry,
    PreparedDetector,
    parse_detector,
)
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.scores.costs import running
from alignbench.evaluation.scores.scored import Running
from alignbench.evaluation.together import MEAN_OF_RELEASES
from alignbench.flows.evaluate_together import evaluate_together
from alignbench.schemas.errors import UsageError
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_scores, made_sentences

QUICK = Settings(figures=False, sentences=False)


def released(folder: Path, name: str, seed: int) -> Path:
    release = write_release(folder / name, made_sentences(300, 50, seed=seed))
    manifest = json.loads((release / "release.json").read_text()) | {"name": name}
    (release / "release.json").write_text(json.dumps(manifest))
    return release


def test_releases_stand_in_one_table_with_the_figures_that_each_has_alone(tmp_path: Path) -> None:
    releases = [str(released(tmp_path, name, seed)) for seed, name in enumerate(("one", "two"))]
    detectors = [parse_detector(name) for name in ("sentence_length", "constant")]
    done = evaluate_together(releases, detectors, tmp_path / "out", QUICK)
    [main] = [a.table.to_pylist() for a in done.analyses if a.name == "main_table"]
    found = next(row for row in main if row["detector"] == "sentence_length")
    alone = {}
    for name, evaluation in done.evaluations.items():
        table = next(a.table for a in evaluation.analyses if a.name == "auroc_by_model")
        [alone[name]] = [
            row["auroc"]
            for row in table.to_pylist()
            if row["model"] == MEAN and row["detector"] == "sentence_length"
        ]
        assert evaluation.report == tmp_path / "out" / name / "report.html"
    assert set(alone) == {"one/1.0.0", "two/1.0.0"}
    assert {name: found[name] / 100 for name in alone} == pytest.approx(alone)
    assert found[MEAN_OF_RELEASES] == pytest.approx(100 * np.mean(list(alone.values())))
    constant = next(row for row in main if row["detector"] == "constant")
    assert constant[MEAN_OF_RELEASES] is None
    page = done.report.read_text()
    assert 'href="one/1.0.0/report.html"' in page
    assert "constant: no mean of releases" in page
    assert (tmp_path / "out" / "results" / "main_table.tex").exists()


def test_the_command_line_takes_several_releases(tmp_path: Path) -> None:
    releases = [str(released(tmp_path, name, seed)) for seed, name in enumerate(("one", "two"))]
    command = ["evaluate", *releases, "--detector", "sentence_length", "--no-figures"]
    command += ["--no-sentences", "--json", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    results = json.loads(done.stdout)["results"]
    assert [row["release"] for row in results["auroc_by_release"]] == ["one/1.0.0", "two/1.0.0"]


def test_one_release_twice_is_refused(tmp_path: Path) -> None:
    release = str(released(tmp_path, "one", 0))
    with pytest.raises(UsageError, match=r"Two releases are one/1\.0\.0"):
        evaluate_together([release, release], [parse_detector("constant")], tmp_path, QUICK)


def test_prompts_of_one_model_are_summed_up() -> None:
    sentences = made_sentences(400, 60)
    asked = [("a", 0.2, "m"), ("b", 1.0, "m"), ("c", 0.6, "m"), ("d", 0.5, "n"), ("e", 0.5, None)]
    detectors = [
        replace(made_scores(sentences, name, strength), running=Running(model))
        for name, strength, model in asked
    ]
    aurocs = [model_auroc(sentences, detector.scores) for detector in detectors]
    [row] = by_prompt(detectors, aurocs).table.to_pylist()
    means = [auroc.mean().value for auroc in aurocs[:3]]
    assert (row["detectors"], row["prompts"]) == ("a, b, c", 3)
    assert row["mean"] == pytest.approx(np.mean(means))
    assert row["standard_deviation"] == pytest.approx(np.std(means, ddof=1))
    assert (row["lowest_with"], row["highest_with"]) == ("a", "b")
    assert row["spread"] == pytest.approx(max(means) - min(means))
    assert row["low"] < row["spread"] < row["high"]


def test_cost_is_by_list_price_or_by_the_hour_and_null_for_a_file(tmp_path: Path) -> None:
    sentences = made_sentences(100, 20)
    own = PreparedDetector(parse_detector("sentence_length"))
    by_hour = running(own, sentences, 0.5, 7.2)
    assert by_hour.dollars == pytest.approx(1000 * 0.5 / 3600 * 7.2)
    assert running(own, sentences, 0.5, None).dollars is None
    (tmp_path / "x.csv").write_text("sentence_id,score\na,1\n")
    options = {"path": str(tmp_path / "x.csv")}
    file = PreparedDetector(DetectorEntry(name="x", backend="scores", options=options))
    assert running(file, sentences, 0.5, 7.2) == Running()
    priced = parse_detector("vlm_endpoint:repo=gpt-4o-2024-11-20,base_url=http://127.0.0.1:1/v1")
    found = running(PreparedDetector(priced), sentences, 0.5, 7.2)
    assert found.dollars is not None
    assert 0.1 < found.dollars < 20
    assert "list price of gpt-4o-2024-11-20" in str(found.priced_by)
    scored = replace(made_scores(sentences, "own", 1.0), running=by_hour)
    [row] = cost([scored]).table.to_pylist()
    assert row["seconds_per_1000"] == 500
