"""A stage that dies at any of its writes, and is run again, ends in the same tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.deaths import Killed, Writes, writes_counted
from tests.flows.stage_roads import (
    STAGES,
    STEPS,
    Folders,
    Road,
    fill_inputs,
    moments,
    state,
    without_waiting,
)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    place = Folders(tmp_path_factory.mktemp("workspaces"))
    config = fill_inputs(tmp_path_factory.mktemp("inputs"))
    start = place.new()
    (Path(start) / "alignbench.toml").write_text(config)
    with without_waiting(), writes_counted(Writes()) as writes:
        yield Road(place, start, STEPS, lambda: _since_last(writes))


def _since_last(writes: Writes) -> int:
    count, writes.count = writes.count, 0
    return count


def dies_at(road: Road, stage: str, number: int, *, done: bool) -> None:
    address = road.before(stage)
    with writes_counted(Writes(number, done=done)), pytest.raises(Killed):
        road.run(stage, address)
    road.run(stage, address)
    assert state(address) == road.whole[stage], (stage, number, done)
    with writes_counted(Writes()):
        road.run(stage, address)
    assert state(address) == road.whole[stage]


@pytest.mark.parametrize("stage", ["ingest", "label", "release", "evaluate"])
def test_a_stage_killed_at_a_write_ends_the_same(road: Road, stage: str) -> None:
    for number in moments(road.counts[stage], 2):
        dies_at(road, stage, number, done=bool(number))


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_each_of_its_writes_ends_the_same(road: Road, stage: str) -> None:
    assert road.counts[stage]
    for number in range(road.counts[stage]):
        for done in (False, True):
            dies_at(road, stage, number, done=done)
