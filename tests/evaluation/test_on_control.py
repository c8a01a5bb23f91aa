"""AUROC on the control sample is given beside that on all sentences, where the two differ."""

import numpy as np
import pyarrow as pa
import pytest

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.analyses.by_model import MEAN, POOLED, model_auroc
from alignbench.evaluation.analyses.run import analyse
from alignbench.evaluation.scores.scored import Sentences
from tests.evaluation.sentences import made_scores, made_sentences

SENTENCES = made_sentences(900, 150)
INSIDE = SENTENCES.image.codes % 5 == 0


def with_control(values: list[bool] | list[None]) -> Sentences:
    column = pa.array(values, pa.bool_())
    return Sentences.of(SENTENCES.table.append_column("in_control", column))


def analyses(sentences: Sentences) -> dict[str, Analysis]:
    scores = made_scores(sentences, "d", 1.0)
    return {found.name: found for found in analyse(sentences, [scores])}


def test_both_figures_stand_side_by_side() -> None:
    sentences = with_control(INSIDE.tolist())
    scores = made_scores(sentences, "d", 1.0)
    rows = analyses(sentences)["auroc_on_control"].table.to_pylist()
    found = {(row["over"], row["sentences_of"]): row for row in rows}
    assert len(found) == 4
    for name, among in (("all", None), ("control", INSIDE)):
        expected = model_auroc(sentences, scores.scores, among)
        assert found[MEAN, name]["auroc"] == pytest.approx(expected.mean().value)
        assert found[POOLED, name]["auroc"] == pytest.approx(expected.pooled.value)
    assert found[MEAN, "control"]["sentences"] == int(INSIDE.sum())
    assert found[MEAN, "control"]["low"] < found[MEAN, "all"]["low"]
    share = 100 * float(np.mean(sentences.correct[INSIDE]))
    assert found[MEAN, "control"]["correct_percent"] == pytest.approx(share)


@pytest.mark.parametrize("values", [[True] * 900, [None] * 900])
def test_where_all_rows_were_asked_in_full_or_nobody_says_there_is_no_table(values) -> None:
    assert "auroc_on_control" not in analyses(with_control(values))
    assert "auroc_on_control" not in analyses(SENTENCES)
