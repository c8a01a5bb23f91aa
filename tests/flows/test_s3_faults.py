"""Each call of each stage to an S3 store meets each fault once: the tables are the same."""

import pytest

from alignbench.schemas.errors import AlignBenchError
from tests.faults.http_proxy import Fault, FaultProxy, once
from tests.flows.question_stage_roads import QUESTION_STAGES
from tests.flows.stage_roads import STAGES, Road, moments, state

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
def faulty(s3_road: Road, s3_proxy: FaultProxy) -> FaultyRoad:
    return FaultyRoad(s3_road, s3_proxy)


@pytest.mark.parametrize("stage", ["ingest", "split", "release"])
def test_a_lost_answer_changes_no_table(faulty: FaultyRoad, stage: str) -> None:
    for number in moments(faulty.road.counts[stage], 3):
        faulty.meets(stage, number, Fault.LOST)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_fault_of_any_call_changes_a_table(faulty: FaultyRoad, stage: str, fault: Fault) -> None:
    meets_at_each(faulty, stage, fault)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_no_fault_of_any_call_changes_a_table_of_questions(
    s3_question_road: Road, s3_proxy: FaultProxy, stage: str, fault: Fault
) -> None:
    meets_at_each(FaultyRoad(s3_question_road, s3_proxy), stage, fault)


def meets_at_each(faulty: FaultyRoad, stage: str, fault: Fault) -> None:
    assert faulty.road.counts[stage]
    for number in range(faulty.road.counts[stage]):
        faulty.meets(stage, number, fault)
