"""A second operator runs the same command at any moment of the first one: the tables are as ever.

In a folder the second begins before a write of the first and runs to its end within it; on S3, at
a call of the first to the store. Whatever lock it meets, it waits for none: it is refused, or does
the work itself.
"""

from functools import partial

import pytest

from alignbench.workspace.errors import LockHeldError
from tests.faults.deaths import Meanwhile, writes_counted
from tests.faults.http_proxy import Call, Fault, FaultProxy
from tests.flows.question_stage_roads import QUESTION_STAGES
from tests.flows.second_operator import SecondOperator
from tests.flows.stage_roads import STAGES, Road, moments, state


def both_in_a_folder(road: Road, stage: str, number: int) -> None:
    address = road.before(stage)
    second = SecondOperator(lambda: road.run(stage, address))
    with writes_counted(Meanwhile(number, second)):
        road.run(stage, address)
    second.check()
    assert state(address) == road.whole[stage], (stage, number, second.ended)


@pytest.mark.parametrize("stage", ["release", "label"])
def test_a_second_operator_changes_nothing(folder_road: Road, stage: str) -> None:
    for number in moments(folder_road.counts[stage], 2):
        both_in_a_folder(folder_road, stage, number)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", STAGES)
def test_a_second_operator_at_any_write_changes_nothing(folder_road: Road, stage: str) -> None:
    for number in range(folder_road.counts[stage]):
        both_in_a_folder(folder_road, stage, number)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_a_second_operator_of_questions_changes_nothing(question_road: Road, stage: str) -> None:
    for number in range(question_road.counts[stage]):
        both_in_a_folder(question_road, stage, number)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", STAGES)
def test_a_second_operator_at_any_call_to_s3_changes_nothing(
    s3_road: Road, s3_proxy: FaultProxy, stage: str
) -> None:
    both_on_s3(s3_road, s3_proxy, stage)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_a_second_operator_of_questions_at_any_call_to_s3_changes_nothing(
    s3_question_road: Road, s3_proxy: FaultProxy, stage: str
) -> None:
    both_on_s3(s3_question_road, s3_proxy, stage)


def both_on_s3(road: Road, proxy: FaultProxy, stage: str) -> None:
    for number in range(road.counts[stage]):
        address = road.before(stage)
        second = SecondOperator(partial(road.run, stage, address))

        def meanwhile(call: Call, number: int = number, second: SecondOperator = second) -> Fault:
            if call.number == number:
                second()
            return Fault.NONE

        proxy.begin_anew(meanwhile)
        try:
            road.run(stage, address)
        except LockHeldError:
            # In Python 3.11 two threads never compute a cached property of one class at once. So
            # the second one may have waited for the first's call until that was tried again.
            assert second.over.wait(60)
            road.run(stage, address)
        if len(proxy.calls) > number:  # how many there are varies a little with the time taken
            second.check()
        proxy.begin_anew()
        assert state(address) == road.whole[stage], (stage, number, second.ended)
