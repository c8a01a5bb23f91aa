"""Fleiss' kappa, against published figures and its own invariants."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.release.agreement.fleiss import fleiss_kappa, item_agreement

PUBLISHED = Path(__file__).parent / "data" / "fleiss_by_model.csv"

# The worked example of Wikipedia's article on the measure: 10 subjects, 14 raters, 5 categories.
WORKED_EXAMPLE = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)

counts_of_items = st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=40).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


def test_it_gives_the_figures_of_the_worked_example():
    found = fleiss_kappa(WORKED_EXAMPLE)
    assert found.items == 10
    assert found.p_bar == pytest.approx(0.378, abs=5e-4)
    assert found.p_e == pytest.approx(0.213, abs=5e-4)
    assert found.kappa == pytest.approx(0.210, abs=5e-4)
    expected = [1.000, 0.253, 0.308, 0.440, 0.330, 0.462, 0.242, 0.176, 0.286, 0.286]
    assert item_agreement(WORKED_EXAMPLE) == pytest.approx(expected, abs=5e-4)


def test_the_published_kappas_are_what_p_bar_and_p_e_come_to():
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        p_bar, p_e = float(row["P_bar"]), float(row["P_e"])
        assert float(row["kappa"]) == pytest.approx((p_bar - p_e) / (1 - p_e), abs=1e-12)


def test_items_may_have_unequal_numbers_of_votes():
    counts = np.array([[3, 0, 0], [1, 1, 0], [4, 1, 0]])
    found = fleiss_kappa(counts)
    assert found.p_bar == pytest.approx((1 + 0 + 12 / 20) / 3)
    assert found.p_e == pytest.approx((8 / 10) ** 2 + (2 / 10) ** 2)
    assert found.kappa == pytest.approx((found.p_bar - found.p_e) / (1 - found.p_e))


def test_items_with_one_vote_count_for_nothing():
    counts = np.array([[3, 0, 0], [1, 2, 0]])
    lonely = np.array([[0, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert fleiss_kappa(np.concatenate([counts, lonely])) == fleiss_kappa(counts)
    assert np.isnan(item_agreement(lonely)).all()


def test_there_is_no_kappa_where_all_votes_are_one_category():
    found = fleiss_kappa(np.array([[3, 0, 0], [5, 0, 0]]))
    assert (found.items, found.kappa, found.p_bar, found.p_e) == (2, None, 1.0, 1.0)


def test_there_is_nothing_without_items():
    assert fleiss_kappa(np.zeros((0, 3), dtype=np.int64)) == (0, None, None, None)


@given(counts_of_items)
def test_counting_equal_items_together_changes_nothing(counts):
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    one_by_one, together = fleiss_kappa(counts), fleiss_kappa(kinds, times)
    assert together.items == one_by_one.items
    for mine, theirs in zip(together[1:], one_by_one[1:], strict=True):
        assert mine == (None if theirs is None else pytest.approx(theirs, abs=1e-12))


@given(counts_of_items)
def test_kappa_is_one_only_in_full_agreement_and_never_more(counts):
    found = fleiss_kappa(counts)
    if found.kappa is not None:
        assert found.kappa <= 1 + 1e-12
        agreed = ((counts > 0).sum(axis=1) <= 1) | (counts.sum(axis=1) < 2)
        assert (abs(found.kappa - 1) < 1e-9) == bool(agreed.all())
