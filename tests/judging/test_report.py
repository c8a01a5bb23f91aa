"""The report on questions, whatever there is of models, categories and ratings."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from alignbench.judging.asked import Asked
from alignbench.judging.calibration.rated_sample import draw_sample
from alignbench.judging.calibration.raters import Ratings
from alignbench.judging.question_set import question_set
from alignbench.judging.report.page import report_files
from alignbench.judging.report.results import Answerer, Answers, JudgeFacts, RatedByPeople, Results
from alignbench.judging.report.rewriting import Rewritten
from alignbench.models.answers.scores import ScoreScale
from alignbench.schemas.rows.questions import Question, Variant
from alignbench.schemas.variant_decisions import SaidOfVariant
from alignbench.schemas.vocabulary import VariantStatus

JUDGE = JudgeFacts("critic", "general_v1.en@1", ScoreScale(1, 10))
TASKS = (("Counting", "Seeing"), ("Charts", "Thinking"), ("Coherence", "Talking"))
VARIANTS = 4


def questions(clusters: int, tasks: Sequence[tuple[str, str]] = TASKS) -> list[Asked]:
    rows = [
        Question(
            question_id=f"{cluster}-{variant}", source="mine", cluster=str(cluster),
            variant=str(variant), task=tasks[cluster % len(tasks)][0],
            category=tasks[cluster % len(tasks)][1], language="en", image_name="1.png",
            image_id=None, history=(), prompt="How many?", reference="Two.", quirks=(), version=1,
        )
        for cluster in range(clusters) for variant in range(VARIANTS)
    ]  # fmt: skip
    return [Asked(row.question_id, row.prompt, row) for row in rows]


def results(
    models: int, clusters: int = 60, tasks: Sequence[tuple[str, str]] = TASKS, *, rated: int = 0
) -> Results:
    """Models whose true means are half a point apart, each judged a point too well."""
    asked = questions(clusters, tasks)
    columns = question_set([one.question for one in asked])
    random = np.random.default_rng(5)
    truth = {
        Answerer(f"model-{number:02d}", blind=False): np.clip(
            4 + 0.5 * (number % 9) + random.normal(0, 1, len(asked)), 1, 10
        )
        for number in range(models)
    }
    nobody = np.full(len(asked), np.nan)
    answers = {
        one: Answers(
            ["Two."] * len(asked),
            {JUDGE: np.clip(true + 1 + random.normal(0, 0.5, len(asked)), 1, 10)[:, None]},
            nobody,
        )
        for one, true in truth.items()
    }
    found = Results(asked, columns, [JUDGE], answers)
    if not rated:
        return found
    sample = draw_sample(columns, np.zeros(columns.clusters), rated, random.random(len(asked)))
    answers = {
        one: replace(answers[one], people=np.where(sample.drawn, true, np.nan))
        for one, true in truth.items()
    }
    drawn = np.flatnonzero(sample.drawn)
    given = [
        (model * len(asked) + place, model, rater, true[place])
        for model, true in enumerate(truth.values())
        for place in drawn for rater in range(3)
    ]  # fmt: skip
    answer, model, rater, rating = (np.array(column) for column in zip(*given, strict=True))
    people = RatedByPeople(
        sample, np.ones(len(asked), np.bool_), Ratings(answer, model, rater, rating), {}
    )
    return replace(found, answers=answers, rated=people)


def rows_of(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"results/{name}.csv"].decode())))


def test_calibrated_means_put_a_judge_right_and_stand_beside_what_people_say() -> None:
    found = results(3, rated=90)
    files = report_files(found, [], draw=True).files
    rows = rows_of(files, "calibrated")
    assert len(rows) == 3 * 2 * 2
    raw = {row["model"]: float(row["macro"]) for row in rows_of(files, "leaderboard")}
    for row in rows:
        low, mean, high = (float(row[name]) for name in ("mean_low", "mean", "mean_high"))
        assert low < mean < high
        assert raw[row["model"]] - mean == pytest.approx(1, abs=0.35), "the judge is too kind"
        assert high - low < float(row["people_high"]) - float(row["people_low"])
        assert row["why null"] == ""
    for row in rows_of(files, "differences"):
        assert float(row["difference_high"]) < 0, "each model is worse than the next"
    widths = [row for row in rows_of(files, "more_ratings") if row["model"] == "model-00"]
    assert [int(row["rated answers"]) for row in widths] == [90, 135, 180, 240]
    assert float(widths[1]["width"]) < float(widths[0]["width"])
    assert [row["rater"] for row in rows_of(files, "raters")] == ["R1", "R2", "R3"]
    assert b'id="calibrated"' in files["report.html"]
    assert files["results/calibrated.svg"].lstrip().startswith(b"<?xml")
    assert b"\\begin{tabular}" in files["results/differences.tex"]


def test_what_was_refused_of_questions_in_other_words_is_told_by_writer_and_style() -> None:
    same, different = SaidOfVariant(2, 0, 1), SaidOfVariant(0, 1, 0)
    written = Variant(
        variant_id="a", question_id="0-0", generator_id="g", style="plain", sample_index=0,
        prompt="Count.", status=VariantStatus.ACCEPTED, code=None, message=None,
    )  # fmt: skip
    refused = replace(written, variant_id="b", status=VariantStatus.REFUSED, code="AB-E43")
    unread = replace(refused, variant_id="c", style="formal", code="AB-E35")
    rewritten = Rewritten([written, refused, unread], {"g": "writer"}, {"a": same, "b": different})
    files = report_files(replace(results(1), rewritten=rewritten), [], draw=False).files
    formal, plain = rows_of(files, "rewriting")
    assert (formal["style"], formal["accepted"], formal["tells the answer"]) == ("formal", "0", "1")
    assert (formal["checked by people"], formal["same"]) == ("0", "0")
    found = [plain[name] for name in ("written", "accepted", "other meaning, people", "same",
                                      "different", "unknown")]  # fmt: skip
    assert found == ["2", "1", "1", "2", "1", "1"]


def test_too_few_ratings_give_no_figure_but_the_reason() -> None:
    files = report_files(results(2, rated=12), [], draw=True).files
    rows = rows_of(files, "calibrated")
    assert {row["mean"] for row in rows} == {""}
    assert {row["why null"] for row in rows} == {"Fewer than 30 rated answers: 12."}
    assert "results/calibrated.svg" not in files


@pytest.mark.parametrize("models", [1, 12])
def test_one_model_or_twelve_make_a_report(models: int) -> None:
    files = report_files(results(models), [], draw=True).files
    assert len(rows_of(files, "leaderboard")) == models
    assert "results/categories.svg" in files, "three categories make an area"
    assert "results/calibrated.csv" not in files, "nobody rated"


def test_a_category_without_a_judged_answer_is_null_and_leaves_the_rest() -> None:
    found = results(2)
    talking = np.array([one.question.category == "Talking" for one in found.asked])
    answers = {
        one: replace(each, draws={JUDGE: np.where(talking[:, None], np.nan, each.draws[JUDGE])})
        for one, each in found.answers.items()
    }
    files = report_files(replace(found, answers=answers), [], draw=True).files
    means = {row["category"]: row["mean"] for row in rows_of(files, "categories")}
    assert means["Talking"] == ""
    assert "" not in (means["Seeing"], means["Thinking"])
    assert "results/categories.svg" not in files, "two categories make none"
    assert "results/tasks.svg" in files
    assert b"A macro mean is null where a task has no judged answer." in files["report.html"]
