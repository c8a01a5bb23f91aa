"""Prefect's server or the S3 store goes away in the middle of a stage, and comes back.

Label Studio does in `tests/annotation/test_server_killed.py`.
"""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from alignbench.schemas.errors import AlignBenchError
from alignbench.workspace.errors import LockHeldError
from alignbench.workspace.stores.s3_lock import hold
from tests.faults.http_proxy import Fault, FaultProxy
from tests.flows.stage_roads import STAGES, Road, state

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

UNDER_PREFECT = [stage for stage in STAGES if stage not in ("evaluate", "compact")]

LOSES_PREFECT = """
import os, sys
from tests.flows.cut_connection import CutConnection

stage, address, port, lost, back = sys.argv[1:]
connection = CutConnection(int(port))
os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{connection.port}/api"

from alignbench.flows.runs import orchestration
from tests.faults.deaths import Meanwhile, writes_counted
from tests.flows.stage_roads import STEPS, without_waiting

orchestration._AWAY_SECONDS = 0.0
with (
    without_waiting(),
    writes_counted(Meanwhile(int(lost), connection.cut)),
    writes_counted(Meanwhile(int(back), connection.restore)),
):
    STEPS[stage](address)
assert "prefect" in sys.modules
"""

NEVER = 1_000_000
LOCK_SECONDS = 3.0


@pytest.mark.parametrize("comes_back", [True, False])
@pytest.mark.parametrize("stage", UNDER_PREFECT)
def test_a_stage_goes_on_without_prefects_server(
    folder_road: Road, prefect_server: str, stage: str, comes_back: bool
) -> None:
    address = folder_road.before(stage)
    last = folder_road.counts[stage] - 1
    moments = (last // 2, last) if comes_back else (0, NEVER)
    places = [stage, address, str(urlsplit(prefect_server).port), *map(str, moments)]
    done = subprocess.run(
        [sys.executable, "-c", LOSES_PREFECT, *places],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert state(address) == folder_road.whole[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_whose_store_goes_away_ends_in_words_and_goes_on_later(
    s3_road: Road, s3_proxy: FaultProxy, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold.__wrapped__, "__defaults__", (LOCK_SECONDS,))  # type: ignore[attr-defined]
    address = s3_road.before(stage)
    lost = s3_road.counts[stage] // 2
    s3_proxy.begin_anew(lambda call: Fault.DROPPED if call.number >= lost else Fault.NONE)
    with pytest.raises(AlignBenchError, match="AB-W07"):
        s3_road.run(stage, address)
    s3_proxy.begin_anew()
    # A lock that could not be let go runs out by itself.
    for attempt in Retrying(
        retry=retry_if_exception_type(LockHeldError),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.5),
    ):
        with attempt:
            s3_road.run(stage, address)
    assert state(address) == s3_road.whole[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_whose_store_is_away_for_a_moment_does_not_notice(
    s3_road: Road, s3_proxy: FaultProxy, stage: str
) -> None:
    address = s3_road.before(stage)
    lost = s3_road.counts[stage] // 2
    away = range(lost, lost + 3)
    s3_proxy.begin_anew(lambda call: Fault.DROPPED if call.number in away else Fault.NONE)
    s3_road.run(stage, address)
    s3_proxy.begin_anew()
    assert state(address) == s3_road.whole[stage]
