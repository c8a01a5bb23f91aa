"""The sample of questions whose answers people rate."""

from dataclasses import replace

import numpy as np
import pytest

from alignbench.judging.calibration.rated_sample import Unit, draw_sample, places
from alignbench.judging.errors import SampleSizeError
from tests.judging.simulated_judgements import Setting, question_set

SETTING = Setting()
QUESTIONS = question_set(SETTING)
SPREAD = np.random.default_rng(0).random(QUESTIONS.clusters)
PLACE = places([f"question {number}" for number in range(len(QUESTIONS))], "seed")


def test_as_many_are_drawn_as_were_asked_for_in_proportion_to_strata() -> None:
    sample = draw_sample(QUESTIONS, SPREAD, 100, PLACE)
    assert sample.drawn.sum() == 100
    for stratum in np.unique(sample.stratum):
        inside = sample.stratum == stratum
        share = sample.drawn[inside].mean()
        assert share == pytest.approx(100 / len(QUESTIONS), abs=1 / inside.sum())
        assert np.unique(sample.probability[inside]).tolist() == [pytest.approx(share)]


def test_strata_are_tasks_halved_by_the_judges_spread() -> None:
    sample = draw_sample(QUESTIONS, SPREAD, 100, PLACE)
    assert len(np.unique(sample.stratum)) == 2 * SETTING.tasks
    for stratum in np.unique(sample.stratum):
        assert len(np.unique(QUESTIONS.task[sample.stratum == stratum])) == 1
    for task in range(SETTING.tasks):
        low, high = np.unique(sample.stratum[QUESTIONS.task == task])
        spread = SPREAD[QUESTIONS.cluster]
        assert spread[sample.stratum == low].max() <= spread[sample.stratum == high].min()


def test_a_small_sample_has_tasks_as_strata_and_two_of_each() -> None:
    sample = draw_sample(QUESTIONS, SPREAD, 8, PLACE)
    assert np.bincount(sample.stratum[sample.drawn]).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("units", [7, 10_000])
def test_an_impossible_size_is_refused(units: int) -> None:
    with pytest.raises(SampleSizeError, match=r"at least \d+ are needed, two of each stratum"):
        draw_sample(QUESTIONS, SPREAD, units, PLACE)


def test_the_same_seed_draws_the_same_and_a_larger_sample_holds_a_smaller_one() -> None:
    small, again, large = (draw_sample(QUESTIONS, SPREAD, n, PLACE).drawn for n in (90, 90, 180))
    assert np.array_equal(small, again)
    assert large[small].all()
    other = places([f"question {number}" for number in range(len(QUESTIONS))], "other seed")
    assert not np.array_equal(small, draw_sample(QUESTIONS, SPREAD, 90, other).drawn)


def test_a_cluster_is_drawn_whole() -> None:
    clusters = replace(SETTING, unit=Unit.CLUSTER)
    place = PLACE[: QUESTIONS.clusters]
    sample = draw_sample(QUESTIONS, SPREAD, 40, place, clusters.unit)
    share = np.bincount(QUESTIONS.cluster, sample.drawn) / np.bincount(QUESTIONS.cluster)
    assert set(share.tolist()) == {0.0, 1.0}
    assert share.sum() == 40


def test_places_are_spread_evenly() -> None:
    found = places([str(number) for number in range(2000)], "seed")
    assert 0 <= found.min() < 0.01
    assert 0.99 < found.max() < 1
    assert found.mean() == pytest.approx(0.5, abs=0.02)
