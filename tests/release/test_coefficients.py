"""Coefficients of agreement, against the field's packages and the examples of their authors."""

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from alignbench.release.agreement.coefficients import agreement, coefficients, contributions
from alignbench.release.agreement.fleiss import fleiss_kappa
from alignbench.release.agreement.intervals import intervals
from alignbench.release.agreement.pairs import PairTables, pair_agreement

# J. L. Fleiss (1971), table 1: 30 patients, 6 psychiatrists, 5 diagnoses; kappa is 0.430.
FLEISS_1971 = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031",
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006",
)

# K. L. Gwet, "Handbook of Inter-Rater Reliability": 4 raters, 12 units, 5 categories, missing
# ratings; also his irrCAC's example `cac.raw4raters`, with AC1 0.77544 and percent 0.81818.
GWET_RATINGS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, np.nan],
        [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
    ]
)

counts_of_items = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=2, max_size=30
    ).map(lambda rows: np.array(rows, dtype=np.int64))
)


def counts_of(ratings):
    return np.array([[int((unit == c).sum()) for c in range(1, 6)] for unit in ratings.T])


def test_it_is_the_kappa_of_fleiss_own_example():
    table = np.array([[int(digit) for digit in row] for row in " ".join(FLEISS_1971).split()])
    assert table.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert float(agreement(table).fleiss_kappa) == pytest.approx(0.430, abs=5e-4)
    assert fleiss_kappa(table).kappa == pytest.approx(statsmodels_fleiss(table), abs=1e-12)


@given(st.integers(2, 7), st.integers(2, 5), st.integers(2, 40), st.integers(0, 10**6))
def test_with_equal_counts_it_is_the_kappa_of_statsmodels(votes, categories, items, seed):
    table = np.random.default_rng(seed).multinomial(votes, np.ones(categories) / categories, items)
    if np.count_nonzero(table.sum(axis=0)) > 1:
        expected = statsmodels_fleiss(table)
        assert fleiss_kappa(table).kappa == pytest.approx(expected, abs=1e-9)
        assert float(agreement(table).fleiss_kappa) == pytest.approx(expected, abs=1e-9)


@given(counts_of_items)
def test_both_ways_of_counting_give_the_same_kappa(counts):
    mine, other = agreement(counts), fleiss_kappa(counts)
    for figure, wanted in ((mine.fleiss_kappa, other.kappa), (mine.percent, other.p_bar)):
        assert math.isnan(figure) if wanted is None else float(figure) == pytest.approx(wanted)


@given(counts_of_items)
def test_alpha_is_that_of_the_krippendorff_package(counts):
    paired = counts[counts.sum(axis=1) >= 2]
    if np.count_nonzero(paired.sum(axis=0)) < 2:
        assert math.isnan(agreement(counts).krippendorff_alpha)
        return
    expected = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
    assert float(agreement(counts).krippendorff_alpha) == pytest.approx(expected, abs=1e-9)


def test_gwets_examples():
    found = agreement(counts_of(GWET_RATINGS))
    assert float(found.percent) == pytest.approx(0.81818, abs=1e-5)
    assert float(found.gwet_ac1) == pytest.approx(0.77544, abs=1e-5)
    assert float(found.krippendorff_alpha) == pytest.approx(0.74342, abs=1e-5)
    # Gwet (2008): 125 subjects, two raters: 118 both +, 7 differ, none both -.
    skewed = np.array([[2, 0]] * 118 + [[1, 1]] * 7)
    assert float(agreement(skewed).percent) == pytest.approx(0.944)
    assert float(agreement(skewed).gwet_ac1) == pytest.approx(0.9408, abs=5e-5)
    assert float(agreement(skewed).fleiss_kappa) == pytest.approx(-0.0288, abs=5e-5)


def test_two_annotators_agree_as_cohens_kappa_says():
    order = np.random.default_rng(1)
    first, second = order.integers(0, 3, 200), order.integers(0, 3, 200)
    tables = PairTables(3)
    names = np.array(["a", "b"] * 200)
    tables.add("m", np.repeat(np.arange(200), 2), names, np.ravel([first, second], order="F"))
    (table,) = tables.tables("m").values()
    found = pair_agreement(table)
    assert found.sentences == 200
    assert found.percent == pytest.approx(float((first == second).mean()))
    assert found.cohen_kappa == pytest.approx(cohens_kappa(table).kappa)


def test_every_two_who_voted_on_a_sentence_are_a_pair_whatever_their_order():
    tables = PairTables(2)
    items = np.array([0, 0, 0, 1, 1, 2, 2])
    tables.add("m", items, np.array(list("abcbacc")), np.array([0, 0, 1, 1, 0, 0, 0]))
    found = {pair: table.tolist() for pair, table in tables.tables().items()}
    assert found == {
        ("a", "b"): [[1, 1], [0, 0]], ("a", "c"): [[0, 1], [0, 0]], ("b", "c"): [[0, 1], [0, 0]],
    }  # fmt: skip
    assert tables.tables("other") == {}


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    order = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        images = order.random(60) < 0.3  # the sentences of an image are all alike
        sums = np.column_stack([images * 4.0, np.full(60, 4.0)])
        (found,) = intervals(sums, lambda s: (s[..., 0] / s[..., 1],))
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_intervals_are_the_same_every_time():
    small = contributions(np.array([[2, 1], [3, 0], [0, 3]] * 3))
    assert intervals(small, coefficients) == intervals(small, coefficients)


def test_without_images_there_is_no_interval():
    found = intervals(np.zeros((0, 10)), coefficients)
    assert all(np.isnan(figure) for interval in found for figure in interval)
