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
        self.proxy = proxy

    def meets(self, stage: str, number: int, fault: Fault) -> None:
        """Runs a stage one of whose calls meets a fault; if that ended it, runs it again."""
        address = self.road.before(stage)
        self.proxy.begin_anew(once(number, fault))
        try:
            self.road.run(stage, address)
        except AlignBenchError:
            self.proxy.begin_anew()
            self.road.run(stage, address)
        self.proxy.begin_anew()
        self.proxy.release()
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


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_write_that_comes_after_its_retry_changes_no_table(
    faulty: FaultyRoad, stage: str
) -> None:
    late_writes(faulty, stage, faulty.road.counts[stage])


def test_a_write_of_a_label_that_comes_after_its_retry_changes_no_table(
    faulty: FaultyRoad,
) -> None:
    late_writes(faulty, "label", 3)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_calls_that_overtake_each_other_change_no_table(faulty: FaultyRoad, stage: str) -> None:
    for number in moments(faulty.road.counts[stage], 12):
        faulty.meets(stage, number, Fault.DELAYED)


def late_writes(faulty: FaultyRoad, stage: str, most: int) -> None:
    """Lets writes of a stage be answered with 502, and be carried out once all is done."""
    faulty.proxy.begin_anew()
    faulty.road.run(stage, faulty.road.before(stage))
    writes = [call.number for call in faulty.proxy.calls if call.changes]
    assert writes
    for place in moments(len(writes), min(most, len(writes))):
        number = writes[place]
        faulty.meets(stage, number, Fault.LATE)


def meets_at_each(faulty: FaultyRoad, stage: str, fault: Fault) -> None:
    assert faulty.road.counts[stage]
    for number in range(faulty.road.counts[stage]):
        faulty.meets(stage, number, fault)
