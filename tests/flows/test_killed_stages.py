"""A stage that dies at any of its writes, and is run again, ends in the same tables."""

import pytest

from tests.faults.deaths import Killed, Writes, writes_counted
from tests.flows.question_stage_roads import QUESTION_STAGES
from tests.flows.stage_roads import STAGES, Road, moments, state


def dies_at(road: Road, stage: str, number: int, *, done: bool) -> None:
    address = road.before(stage)
    with writes_counted(Writes(number, done=done)), pytest.raises(Killed):
        road.run(stage, address)
    road.run(stage, address)
    assert state(address) == road.whole[stage], (stage, number, done)
    with writes_counted(Writes()):
        road.run(stage, address)
    assert state(address) == road.whole[stage]


def dies_at_each(road: Road, stage: str) -> None:
    assert road.counts[stage]
    for number in range(road.counts[stage]):
        for done in (False, True):
            dies_at(road, stage, number, done=done)


@pytest.mark.parametrize("stage", ["ingest", "label", "release", "evaluate"])
def test_a_stage_killed_at_a_write_ends_the_same(folder_road: Road, stage: str) -> None:
    for number in moments(folder_road.counts[stage], 2):
        dies_at(folder_road, stage, number, done=bool(number))


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_each_of_its_writes_ends_the_same(folder_road: Road, stage: str) -> None:
    dies_at_each(folder_road, stage)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_a_stage_of_questions_killed_at_each_of_its_writes_ends_the_same(
    question_road: Road, stage: str
) -> None:
    dies_at_each(question_road, stage)
