"""Each call of each stage to an S3 store meets each fault once: the tables are the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from alignbench.schemas.errors import AlignBenchError
from alignbench.workspace.s3 import S3Store
from tests.faults.http_proxy import Fault, FaultProxy, faults_before, once
from tests.fixtures.s3 import BUCKET, ENVIRONMENT
from tests.flows.stage_roads import (
    STAGES,
    STEPS,
    Prefixes,
    Road,
    fill_inputs,
    moments,
    state,
    without_waiting,
)

FAULTS = [
    Fault.REFUSED, Fault.DROPPED, Fault.LOST, Fault.BAD_GATEWAY, Fault.TRUNCATED, Fault.TWICE,
]  # fmt: skip


class FaultyRoad:
    """A road on S3 whose calls go past a proxy."""

    def __init__(self, road: Road, proxy: FaultProxy) -> None:
        self.road = road
        self._proxy = proxy

    def meets(self, stage: str, number: int, fault: Fault) -> None:
        """Runs a stage one of whose calls meets a fault; if that ended it, runs it again."""
        address = self.road.before(stage)
        self._proxy.begin_anew(once(number, fault))
        try:
            self.road.run(stage, address)
        except AlignBenchError:
            self._proxy.begin_anew()
            self.road.run(stage, address)
        self._proxy.begin_anew()
        assert state(address) == self.road.whole[stage], (stage, number, fault)


@pytest.fixture(scope="module")
def faulty(
    s3_client: Any, s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyRoad]:
    config = fill_inputs(tmp_path_factory.mktemp("inputs"))
    place = Prefixes(s3_client)
    start = place.new()
    S3Store(BUCKET, start.rpartition("/")[2], s3_client).create("alignbench.toml", config.encode())
    with without_waiting() as patch, faults_before(s3_endpoint) as proxy:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        patch.chdir(tmp_path_factory.mktemp("reports"))
        yield FaultyRoad(Road(place, start, STEPS, lambda: _since_last(proxy)), proxy)


def _since_last(proxy: FaultProxy) -> int:
    count = len(proxy.calls)
    proxy.begin_anew()
    return count


@pytest.mark.parametrize("stage", ["ingest", "split", "release"])
def test_a_lost_answer_changes_no_table(faulty: FaultyRoad, stage: str) -> None:
    for number in moments(faulty.road.counts[stage], 3):
        faulty.meets(stage, number, Fault.LOST)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_fault_of_any_call_changes_a_table(faulty: FaultyRoad, stage: str, fault: Fault) -> None:
    assert faulty.road.counts[stage]
    for number in range(faulty.road.counts[stage]):
        faulty.meets(stage, number, fault)
