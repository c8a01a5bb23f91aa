"""Smoothed Dawid-Skene: sure where people agree, never sure because of one person's word."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.release.labels.smoothed import VoteArrays, smoothed_posteriors


def votes_of(table: list[list[int]]) -> VoteArrays:
    """One row a sentence, one column an annotator; -1 is no vote."""
    array = np.array(table)
    sentences, annotators = np.nonzero(array >= 0)
    return VoteArrays(sentences, annotators, array[sentences, annotators])


def test_two_who_agree_are_surer_than_two_who_do_not() -> None:
    table = [[0, 0, -1]] * 40 + [[1, 1, -1]] * 20 + [[0, 1, -1]] * 3
    found = smoothed_posteriors(votes_of(table), len(table), 3)
    assert found[0].argmax() == 0
    assert found[45].argmax() == 1
    assert found[60].max() < min(found[0].max(), found[45].max())


def test_the_word_of_somebody_who_answered_once_is_no_proof() -> None:
    table = [[0, 0, -1]] * 50 + [[-1, -1, 1]]
    found = smoothed_posteriors(votes_of(table), len(table), 3)
    assert found[50].max() < 0.95


def test_somebody_who_guesses_counts_for_less() -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, 400)
    good = [np.where(draw.random(400) < 0.9, truth, 1 - truth) for _ in range(3)]
    table = np.stack([*good, draw.integers(0, 3, 400)], axis=1)
    found = smoothed_posteriors(votes_of(table.tolist()), 400, 4)
    assert (found.argmax(axis=1) == truth).mean() > 0.95


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=4, max_size=4), min_size=1, max_size=30))
def test_probabilities_add_up_and_do_not_depend_on_the_order_of_votes(
    table: list[list[int]],
) -> None:
    votes = votes_of(table)
    found = smoothed_posteriors(votes, len(table), 4)
    assert np.allclose(found.sum(axis=1), 1)
    turned = VoteArrays(*(column[::-1] for column in votes))
    assert np.allclose(found, smoothed_posteriors(turned, len(table), 4))
