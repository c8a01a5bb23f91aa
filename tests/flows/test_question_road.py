"""From drawn scenes to a report, and what calibration makes of judges that err in known ways."""

import csv
import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.flows.questions.report import question_report, question_results
from alignbench.flows.runs.run import open_run
from alignbench.judging.calibration.calibrate import JudgedAndRated, calibrate, compare
from alignbench.judging.calibration.rated_sample import RatedSample, draw_sample
from alignbench.judging.calibration.stratified import Estimand
from alignbench.judging.report.results import Answerer, JudgeFacts, Results
from alignbench.reporting.jackknife import Bools, Floats
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import RATINGS, RESPONSES
from alignbench.schemas.vocabulary import AnnotationStatus
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.question_roads import by_model, entry
from tests.flows.scene_questions import Plan, answerer, judge, people_score, written_questions
from tests.generators.endpoint.model_server import ModelServer, running

JUDGES = ("unbiased", "biased", "useless")
TERSE, WORDY = "terse", "wordy"
THESE = Estimand.THESE_QUESTIONS
NOW = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
PLANS = {TERSE: Plan(7.0), WORDY: Plan(5.5, padded=True)}
LEVELS = {
    "3-steady": Plan(3, 0.5, 0.01), "3-fickle": Plan(3, 0.5, 0.25),
    "6-middling": Plan(6, 0.5, 0.08),
    "9-steady": Plan(9, 0.3, 0.01), "9-fickle": Plan(9, 0.3, 0.25),
}  # fmt: skip


def road(
    root: Path, server: ModelServer, plans: dict[str, Plan], judges: tuple[str, ...], scenes: int
) -> Workspace:
    """Draws, asks, has answered and judged, by the verbs of the command line."""
    entries, drawn = written_questions(root / "photos", scenes)
    server.script = by_model(
        {name: answerer(name, plan, drawn) for name, plan in plans.items()}
        | {name: judge(name) for name in judges}
    )
    url = server.base_url
    config = [entry("captioners", name, url) for name in plans]
    config += [entry("judges", name, url) for name in judges]
    (root / "alignbench.toml").write_text("\n".join(config))
    lines = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in entries)
    (root / "scenes.jsonl").write_text(lines)
    images = ["--images", str(root / "photos")]
    verbs = [["questions", "import", "own", str(root / "scenes.jsonl"), *images],
             ["respond"], ["respond", "--blind", "--limit", "30"], ["judge"]]  # fmt: skip
    for verb in verbs:
        done = CliRunner().invoke(app, ["-C", str(root), *verb])
        assert done.exit_code == 0, done.output
    return open_workspace(root)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, server: ModelServer) -> Workspace:
    return road(tmp_path_factory.mktemp("judged"), server, PLANS, JUDGES, 60)


def results_of(opened: Workspace) -> Results:
    return question_results(open_run(opened.url))[0]


def people(results: Results, model: str) -> Floats:
    """What people would say of every answer of a model."""
    texts = results.answers[Answerer(model, blind=False)].texts
    return np.array(
        [
            people_score(text or "", one.question.reference)
            for text, one in zip(texts, results.asked, strict=True)
        ]
    )


def facts(results: Results, name: str) -> JudgeFacts:
    return next(one for one in results.judges if one.name == name)


def scores(results: Results, model: str, judge_name: str, drawn: Bools) -> JudgedAndRated:
    found = results.judged(Answerer(model, blind=False), facts(results, judge_name)).score
    truth = people(results, model)
    seen = np.where(drawn, truth, np.nan)
    return JudgedAndRated(np.ones(len(truth), np.bool_), found, seen, np.zeros(len(truth)))


def sampled(
    results: Results, judge_facts: JudgeFacts, units: int, random: np.random.Generator
) -> RatedSample:
    """Draws questions for people to rate, by how much the judge's scores of a cluster differ."""
    questions = results.questions
    score = results.judged(Answerer(TERSE, blind=False), judge_facts).score
    size = np.bincount(questions.cluster)
    mean = np.bincount(questions.cluster, score) / size
    spread = np.sqrt(np.bincount(questions.cluster, (score - mean[questions.cluster]) ** 2) / size)
    return draw_sample(questions, spread, units, random.random(len(questions)))


def test_scenes_become_a_report_that_opens_offline(judged: Workspace) -> None:
    results = results_of(judged)
    assert len(results.questions) == 180
    assert {one.question.language for one in results.asked} == {"en", "zh"}
    by_key = {one.asked_id: one for one in results.asked}
    rated = [
        Rating(
            server="s", project_id=1, annotation_id=number, response_id=row.response_id, round="1",
            annotator="A", reason=None, status=AnnotationStatus.SUBMITTED, probability=0.5,
            rating=people_score(row.text, by_key[row.asked_id].question.reference),
            lead_seconds=None, updated_at=NOW,
        )
        for number, row in enumerate(judged.table(RESPONSES).rows())
        if number % 2 == 0 and not row.blind
    ]  # fmt: skip
    judged.table(RATINGS).append(rated, "run")
    page = question_report(judged.url).page
    text = page.read_text()
    for name in ("leaderboard", "tasks", "people", "judges", "blind", "worst"):
        assert f'id="{name}"' in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "图" in text
    rows = {(row["judge"], row["model"]): row for row in
            csv.DictReader((page.parent / "results/leaderboard.csv").open())}  # fmt: skip
    for model in PLANS:
        truth = people(results, model)
        by_task = [truth[results.questions.task == task].mean() for task in (0, 1)]
        row = rows["unbiased", model]
        assert float(row["macro"]) == pytest.approx(np.mean(by_task), abs=0.2)
        assert float(row["macro_low"]) < float(row["macro"]) < float(row["macro_high"])
        assert (row["unanswered"], row["unjudged"]) == ("0", "0")
    found = {(row["judge"], row["model"]): row for row in
             csv.DictReader((page.parent / "results/people.csv").open())}  # fmt: skip
    assert float(found["biased", WORDY]["bias"]) > 2 > abs(float(found["biased", TERSE]["bias"]))
    assert float(found["unbiased", TERSE]["pearson"]) > 0.5
    assert (page.parent / "results/tasks.tex").read_text().count(r"\begin{table*}") == 1
    assert page.read_bytes() == question_report(judged.url).page.read_bytes()


def test_a_length_bias_reverses_two_models_and_calibration_puts_them_right(
    judged: Workspace,
) -> None:
    results = results_of(judged)
    biased = facts(results, "biased")
    means = {
        model: np.nanmean(results.judged(Answerer(model, blind=False), biased).score)
        for model in PLANS
    }
    assert means[WORDY] > means[TERSE], "the judge is taken in by length"
    sample = sampled(results, biased, 60, np.random.default_rng(1))
    pair = [scores(results, model, "biased", sample.drawn) for model in (TERSE, WORDY)]
    macro = compare(results.questions, sample, *pair, THESE)[0]
    assert macro.name == "macro"
    assert macro.calibrated.low is not None
    assert macro.calibrated.low > 0, "people, and so calibration, put the terse one first"


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "widest"), [("unbiased", 1.0), ("biased", 1.0),
                                              ("useless", 1.05)])  # fmt: skip
def test_calibrated_means_hold_the_truth_as_often_as_they_say(
    judged: Workspace, name: str, widest: float
) -> None:
    results = results_of(judged)
    questions, random = results.questions, np.random.default_rng(3)
    truth = people(results, TERSE)
    aim = np.mean([truth[questions.task == task].mean() for task in (0, 1)])
    whole = scores(results, TERSE, name, np.ones(len(truth), np.bool_))
    held, widths = 0, []
    for _ in range(2000):
        sample = sampled(results, facts(results, name), 60, random)
        one = replace(whole, people=np.where(sample.drawn, truth, np.nan))
        figure = calibrate(questions, sample, one, THESE, only=["macro"])["macro"]
        low, high = figure.calibrated.low, figure.calibrated.high
        assert low is not None
        assert high is not None
        held += low <= aim <= high
        widths.append((figure.calibrated.width, figure.people_only.width))
    calibrated, alone = np.mean(widths, axis=0)
    assert 0.935 <= held / 2000 <= 0.965
    assert calibrated <= widest * alone


def test_consistency_ranks_models_as_planned_at_every_level(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = road(tmp_path, server, LEVELS, ("strict",), 40)
    page = question_report(opened.url, figures=False).page
    rows = list(csv.DictReader((page.parent / "results/leaderboard.csv").open()))
    for row in rows:
        assert float(row["macro"]) == pytest.approx(float(row["model"][0]), abs=0.6)
    consistency = {row["model"]: float(row["consistency"]) for row in rows}
    ranked = sorted(consistency, key=lambda model: -consistency[model])
    assert set(ranked[:2]) == {"3-steady", "9-steady"}
    assert ranked[2] == "6-middling"
    assert set(ranked[3:]) == {"3-fickle", "9-fickle"}
