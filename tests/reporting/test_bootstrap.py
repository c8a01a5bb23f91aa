"""Resamples are the same each time, however they are asked for, and bound what they should."""

from itertools import islice

import numpy as np
import pytest

from alignbench.reporting.bootstrap import LEVEL, ImageBootstrap, interval, percentiles, two_sided_p


def test_resamples_are_the_same_each_time_and_draw_as_many_images_as_there_are() -> None:
    bootstrap = ImageBootstrap(40, 30, seed=1)
    first, second = np.array(list(bootstrap)), np.array(list(bootstrap))
    np.testing.assert_array_equal(first, second)
    assert (first.sum(axis=1) == 40).all()
    assert not np.array_equal(first[0], next(islice(ImageBootstrap(40, 30, seed=2), 1)))


def test_an_interval_of_too_few_resamples_is_none() -> None:
    draws = np.full(100, np.nan)
    draws[:40] = 0.5
    assert interval(draws) == (None, None)
    draws[:60] = np.linspace(0, 1, 60)
    low, high = interval(draws)
    assert low == pytest.approx(0.025)
    assert high == pytest.approx(0.975)
    assert two_sided_p(np.linspace(-1, 3, 101)) == pytest.approx(2 * 27 / 102)


def test_blocks_are_the_resamples_whatever_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = ImageBootstrap(50, 30)
    one_by_one = np.array(list(bootstrap))
    [whole] = bootstrap.blocks()
    monkeypatch.setattr("alignbench.reporting.bootstrap._BLOCK_COUNTS", 120)
    assert [len(block) for block in bootstrap.blocks()] == [2] * 15
    np.testing.assert_array_equal(np.concatenate(list(bootstrap.blocks())), one_by_one)
    np.testing.assert_array_equal(whole, one_by_one)


def test_intervals_of_many_statistics_are_those_of_each() -> None:
    draws = np.random.default_rng(3).random((200, 4))
    draws[:150, 1], draws[:, 2], draws[7, 3] = np.nan, np.nan, np.nan
    for share, lacking in ((0.0, {2}), (0.5, {1, 2})):
        low, high = percentiles(draws, share)
        assert set(np.flatnonzero(np.isnan(low))) == set(np.flatnonzero(np.isnan(high))) == lacking
        for column in set(range(4)) - lacking:
            there = draws[:, column][np.isfinite(draws[:, column])]
            expected = np.quantile(there, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            np.testing.assert_array_equal([low[column], high[column]], expected)
    assert np.isnan(percentiles(np.zeros((0, 3)))).all()
