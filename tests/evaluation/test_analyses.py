"""Each analysis on sentences of known strength: what it says is so; what it cannot is null."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.analyses.by_model import MEAN, OWN_MEAN, POOLED, model_auroc
from alignbench.evaluation.analyses.comparison import holm
from alignbench.evaluation.analyses.correlation import correlations, read_outside
from alignbench.evaluation.analyses.ensembles import combined, ranks, standardised
from alignbench.evaluation.analyses.localisation import gold_words
from alignbench.evaluation.analyses.run import Outside, analyse, hardest
from alignbench.evaluation.errors import ScoreFileError
from alignbench.evaluation.scores.scored import Scored, Sentences
from tests.evaluation.sentences import made_scores, made_sentences

SENTENCES = made_sentences(900, 150)
STRONG, WEAK = (
    made_scores(SENTENCES, "strong", 1.5),
    made_scores(SENTENCES, "weak", 0.3, 2, "hasty"),
)


@pytest.fixture(scope="module")
def found() -> dict[str, Analysis]:
    words = pa.table(
        {
            "row": np.repeat(np.arange(900), 3),
            "start": np.tile([0, 4, 8], 900),
            "end": np.tile([3, 7, 12], 900),
            "score": np.tile([0.0, -1.0, 1.0], 900),
        }
    )
    strong = Scored("strong", "strong", STRONG.scores, STRONG.status, (), words, -0.5)
    outside = Outside("MMMU", {"strong": 60.0, "weak": 40.0, "careful": 50.0})
    analyses = analyse(SENTENCES, [strong, WEAK], outside)
    return {analysis.name: analysis for analysis in analyses}


def rows(analysis: Analysis, **wanted: object) -> list[dict[str, object]]:
    return [
        row
        for row in analysis.table.to_pylist()
        if all(row[key] == value for key, value in wanted.items())
    ]


def test_auroc_by_model_is_scikit_learns_with_its_mean_and_pooled(
    found: dict[str, Analysis],
) -> None:
    values = []
    for code, model in enumerate(SENTENCES.model.names):
        own = SENTENCES.model.codes == code
        [row] = rows(found["auroc_by_model"], detector="strong", model=model)
        expected = roc_auc_score(SENTENCES.correct[own], STRONG.scores[own])
        assert row["auroc"] == pytest.approx(expected, abs=1e-12)
        assert row["low"] < row["auroc"] < row["high"]
        values.append(row["auroc"])
    [mean] = rows(found["auroc_by_model"], detector="strong", model=MEAN)
    assert mean["auroc"] == pytest.approx(np.mean(values), abs=1e-12)
    [pooled] = rows(found["auroc_by_model"], detector="strong", model=POOLED)
    assert pooled["auroc"] == pytest.approx(
        roc_auc_score(SENTENCES.correct, STRONG.scores), abs=1e-12
    )


def test_a_detector_on_its_own_family_is_marked(found: dict[str, Analysis]) -> None:
    assert rows(found["auroc_by_model"], detector="weak", model="hasty")[0]["self"] is True
    assert rows(found["self_preference"], detector="weak", model="careful")[0]["self"] is False


def test_two_detectors_are_compared_on_the_same_images(found: dict[str, Analysis]) -> None:
    [row] = rows(found["paired_comparison"], over=POOLED)
    assert row["difference"] == pytest.approx(row["auroc"] - row["other_auroc"])
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["p"] <= row["p_holm"] < 0.05


def test_types_and_domains_have_auroc_and_means(found: dict[str, Analysis]) -> None:
    kinds, codes = SENTENCES.error_type
    for row in rows(found["by_type"], detector="strong"):
        own = codes == kinds.index(str(row["error_type"]))
        both = own | SENTENCES.correct
        expected = roc_auc_score(SENTENCES.correct[both], STRONG.scores[both])
        assert row["auroc"] == pytest.approx(expected, abs=1e-12)
        assert row["mean_score"] == pytest.approx(STRONG.scores[own].mean())
    for row in rows(found["by_domain"], detector="strong"):
        own = SENTENCES.domain.codes == SENTENCES.domain.names.index(str(row["domain"]))
        expected = roc_auc_score(SENTENCES.correct[own], STRONG.scores[own])
        assert row["auroc"] == pytest.approx(expected, abs=1e-12)


def test_scores_by_position_are_means(found: dict[str, Analysis]) -> None:
    [row] = rows(
        found["score_by_position"],
        detector="strong",
        model="all models",
        verdict="correct",
        position=5,
    )
    own = SENTENCES.correct & (SENTENCES.position >= 5)
    assert row["score"] == pytest.approx(STRONG.scores[own].mean())
    assert row["sentences"] == own.sum()


def test_a_score_that_knows_only_the_position_is_chance_once_that_is_held_fixed() -> None:
    sentences = made_sentences(3000, 400, ("one",), seed=4)
    random = np.random.default_rng(1)
    later = random.random(3000) < 0.1 + 0.1 * np.minimum(sentences.position, 5)
    biased = Sentences.of(
        sentences.table.set_column(
            4, "annotation", [["incorrect" if wrong else "correct" for wrong in later]]
        )
    )
    scored = Scored("place", "place", -biased.position + random.normal(0, 0.1, 3000))
    analyses = {a.name: a for a in analyse(biased, [scored])}
    [row] = rows(analyses["auroc_position_corrected"], model=MEAN)
    assert row["auroc"] > 0.6
    assert row["corrected"] == pytest.approx(0.5, abs=0.04)
    assert row["difference_high"] < 0


def test_ensembles_are_means_of_ranks_and_of_standardised_scores(
    found: dict[str, Analysis],
) -> None:
    assert ranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5 / 3, 1 / 3, 2.5 / 3]
    assert standardised(np.array([1.0, 3.0])).tolist() == [-1.0, 1.0]
    both = combined([np.array([1.0, 2.0, np.nan]), np.array([4.0, 2.0, 1.0])], ranks)
    np.testing.assert_allclose(both[:2], [0.75, 0.75])
    assert np.isnan(both[2])
    for row in rows(found["ensembles"]):
        assert row["better_member"] == "strong"
        assert row["gain"] == pytest.approx(row["auroc"] - row["better_auroc"])
        assert row["low"] <= row["gain"] <= row["high"]


def test_word_scores_that_point_at_the_span_localise_it(found: dict[str, Analysis]) -> None:
    values = {row["measure"]: row["value"] for row in rows(found["localisation"])}
    assert values["average precision"] == values["localisation accuracy"] == 1.0
    assert values["token F1"] == values["token precision"] == values["token recall"] == 1.0
    assert values["share of wrong words"] == pytest.approx(1 / 3)


def test_a_word_is_wrong_if_it_overlaps_a_span() -> None:
    words = pa.table(
        {"row": [0] * 4, "start": [0, 4, 6, 7], "end": [4, 5, 8, 9], "score": [0.0] * 4}
    )
    sentences = made_sentences(1, 1, ("one",), correct=0.0)
    assert gold_words(sentences, words).wrong.tolist() == [False, True, True, False]


def test_a_word_inside_the_longer_of_two_spans_that_overlap_is_wrong() -> None:
    sentences = made_sentences(1, 1, ("one",), correct=0.0)
    span = {"type": "object", "text": "", "votes": 1}
    spans = [[{**span, "start": 0, "end": 12}, {**span, "start": 1, "end": 3}]]
    place = sentences.table.column_names.index("error_spans")
    kind = sentences.table.schema.field("error_spans").type
    table = sentences.table.set_column(place, "error_spans", pa.array(spans, kind))
    words = pa.table({"row": [0, 0], "start": [4, 13], "end": [7, 15], "score": [0.0] * 2})
    assert gold_words(Sentences.of(table), words).wrong.tolist() == [True, False]


def test_filtering_counts_what_is_left(found: dict[str, Analysis]) -> None:
    told = rows(found["filtering"], detector="strong")
    assert told[0]["kept"] == 900
    assert told[0]["incorrect_left"] == 1.0
    for row in told:
        kept = STRONG.scores >= row["threshold"]
        assert row["kept"] == kept.sum()
        assert row["incorrect_share"] == pytest.approx((~SENTENCES.correct[kept]).mean())
    assert told[-1]["incorrect_share"] < told[0]["incorrect_share"]


def test_outside_figures_are_correlated_only_where_there_are_enough(
    found: dict[str, Analysis],
) -> None:
    assert len(found["correlation_points"].table) == 4
    assert all(row["pearson_r"] is None for row in rows(found["correlation"]))
    four = made_sentences(2000, 200, ("a", "b", "c", "d"), seed=6)
    scored = made_scores(four, "d0", 0.7)
    auroc = model_auroc(four, scored.scores)
    outside = dict(zip("abcd", auroc.values * 2 + 1, strict=True))
    _, result = correlations(four, [scored], [auroc], outside, "MMMU")
    [row] = result.table.to_pylist()
    assert row["pearson_r"] == pytest.approx(1.0)


def test_a_file_of_outside_figures_without_its_columns_is_refused(
    tmp_path: pytest.TempPathFactory,
) -> None:
    path = tmp_path / "mmmu.csv"  # type: ignore[operator]
    path.write_text("model,value\ncareful,50.5\nhasty,\n")
    assert read_outside(str(path)) == {"careful": 50.5}
    path.write_text("name,value\ncareful,50\n")
    with pytest.raises(ScoreFileError):
        read_outside(str(path))


def test_scores_that_say_nothing_are_reported_and_never_counted() -> None:
    none = Scored("none", "none", np.full(900, np.nan), ("failed",) * 900, ("AB-F03: broke",) * 900)
    same = Scored("same", "same", np.full(900, 0.5), ("scored",) * 900)
    some = made_scores(SENTENCES, "some", 1.0)
    half = np.where(np.arange(900) % 2, some.scores, np.nan)
    status = tuple("scored" if k % 2 else "invalid" for k in range(900))
    partly = Scored("partly", "partly", half, status, ("AB-E21: The detector gave nan.",) * 450)
    found = {a.name: a for a in analyse(SENTENCES, [none, same, partly])}
    for name in ("none", "same"):
        assert all(
            row["auroc"] is None and row["why_null"]
            for row in rows(found["auroc_by_model"], detector=name)
        )
    for name, analysis in found.items():
        if name not in ("auroc_by_model", "main_table", "coverage", "cost"):
            assert {"none", "same"}.isdisjoint(set(analysis.table.to_pydict().get("detector", [])))
    kept = np.isfinite(half)
    [pooled] = rows(found["auroc_by_model"], detector="partly", model=POOLED)
    assert pooled["auroc"] == pytest.approx(
        roc_auc_score(SENTENCES.correct[kept], half[kept]), abs=1e-12
    )
    notes = " ".join(found["coverage"].notes)
    assert "no usable score of any sentence" in notes
    assert "same score, 0.5" in notes
    assert "450 of 900" in notes


def test_a_model_without_one_class_has_no_auroc_and_is_left_out_of_the_mean() -> None:
    sentences = made_sentences(200, 40)
    pairs = zip(
        *(sentences.table[name].to_pylist() for name in ("model", "annotation")), strict=True
    )
    wrong = ["correct" if model == "hasty" else verdict for model, verdict in pairs]
    table = sentences.table.set_column(4, "annotation", [wrong])
    sentences = Sentences.of(table)
    found = {a.name: a for a in analyse(sentences, [made_scores(sentences, "d", 1.0)])}
    [row] = rows(found["auroc_by_model"], model="hasty")
    assert row["auroc"] is None
    assert row["why_null"] == "It has no incorrect sentence."
    [careful], [mean] = (rows(found["auroc_by_model"], model=name) for name in ("careful", MEAN))
    assert mean["auroc"] == careful["auroc"]
    assert mean["models"] == "careful"


def test_detectors_are_compared_on_the_models_that_all_of_them_scored() -> None:
    hasty = np.array(SENTENCES.model.names)[SENTENCES.model.codes] == "hasty"
    part = Scored("part", "part", np.where(hasty, np.nan, STRONG.scores))
    found = {a.name: a for a in analyse(SENTENCES, [STRONG, part])}["auroc_by_model"]
    [common], [own] = (rows(found, detector="strong", model=name) for name in (MEAN, OWN_MEAN))
    assert common["models"] == "careful"
    assert own["models"] == "careful, hasty"
    [only] = rows(found, detector="part", model=MEAN)
    assert only["auroc"] == common["auroc"]
    assert any("Not every detector has a figure for hasty" in note for note in found.notes)


def test_a_figure_of_few_images_has_no_interval_and_says_why() -> None:
    few = made_sentences(60, 4, ("one",), seed=2)
    [row, *_] = {a.name: a for a in analyse(few, [made_scores(few, "d", 1.0)])}[
        "auroc_by_model"
    ].table.to_pylist()
    assert row["auroc"] is not None
    assert row["low"] is row["high"] is None
    assert row["why_null"] == "Fewer than 5 images with correct sentences: 4."


def test_p_values_are_corrected_for_their_number() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_the_hardest_sentences_are_scored_the_wrong_way_round() -> None:
    for row in hardest(SENTENCES, [STRONG])[:20]:
        rank = ranks(STRONG.scores)[row]
        assert rank < 0.2 if SENTENCES.correct[row] else rank > 0.8
