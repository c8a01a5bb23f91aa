"""Tables and figures stay readable with 25 detectors and 8 generating models."""

import re
from pathlib import Path

import pytest

from alignbench.evaluation.analyses.analysis import Analysis, Dots
from alignbench.evaluation.analyses.run import analyse
from alignbench.evaluation.evaluate import write_results
from alignbench.evaluation.figures.figure import svg
from tests.evaluation.many_detectors import DETECTORS, MODELS, many_scores, many_sentences
from tests.reporting.typesetting import needs_latex, typeset

MOST_STRETCHED = 2.5


@pytest.fixture(scope="module")
def analyses() -> list[Analysis]:
    sentences = many_sentences(1600, 240)
    return analyse(sentences, many_scores(sentences))


def named(analyses: list[Analysis], name: str) -> Analysis:
    return next(analysis for analysis in analyses if analysis.name == name)


def test_the_main_table_has_a_column_for_each_model_and_the_mean_in_percent(
    analyses: list[Analysis],
) -> None:
    table = named(analyses, "main_table").table
    assert table.column_names == ["detector", *sorted(MODELS), "mean of models"]
    assert table["detector"].to_pylist() == list(DETECTORS)
    long = {
        (row["detector"], row["model"]): row["auroc"]
        for row in named(analyses, "auroc_by_model").table.to_pylist()
    }
    for row in table.to_pylist():
        for model in table.column_names[1:]:
            assert row[model] == pytest.approx(100 * long[row["detector"], model])


@pytest.mark.parametrize("options", ["twocolumn", "twocolumn,a4paper"])
def test_every_table_is_set_within_the_text_width(
    analyses: list[Analysis], tmp_path: Path, options: str
) -> None:
    needs_latex()
    write_results(tmp_path, analyses, draw=False)
    tables = sorted(tmp_path.glob("*.tex"))
    assert len(tables) == len(analyses)
    found = typeset(tmp_path, tables, options)
    assert (found.overfull, found.too_large, found.scaled) == ([], 0, 0)


def test_no_figure_is_a_strip_and_no_panel_uses_a_colour_twice(analyses: list[Analysis]) -> None:
    for name in ("auroc_by_model", "main_table", "by_type", "by_domain", "ensembles"):
        analysis = named(analyses, name)
        drawn = svg(analysis)
        if drawn is None:
            raise AssertionError(name)
        text = drawn.decode()
        width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)[0])
        assert max(width / height, height / width) < MOST_STRETCHED, analysis.name
        if isinstance(analysis.figure, Dots):
            assert len(set(re.findall(r"stroke: (#\w{6}); stroke-width: 0\.9", text))) <= 2


def test_a_figure_is_drawn_the_same_every_time(analyses: list[Analysis]) -> None:
    analysis = named(analyses, "by_type")
    assert svg(analysis) == svg(analysis)
