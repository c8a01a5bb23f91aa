"""Each call of each stage to an S3 store meets each fault once: the tables are the same."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from PIL import Image

from alignbench.engine.report import StageReport
from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.orchestration import run_flow
from alignbench.flows.prompts import prompts
from alignbench.flows.split import split
from alignbench.schemas.errors import AlignBenchError
from alignbench.workspace.s3 import S3Store
from tests.faults.http_proxy import Fault, FaultProxy, faults_before, once
from tests.fixtures.s3 import BUCKET, ENVIRONMENT
from tests.flows.letter_captioner import registered
from tests.flows.roads import contents

CONFIG = """
[[sources]]
name = "photos"
kind = "folder"
path = "{folder}/photos"
[[prompts]]
name = "list"
kind = "file"
path = "{folder}/prompts.txt"
[[captioners]]
name = "letters"
backend = "letters"
[run]
commit_rows = 2
"""
STAGES: dict[str, Any] = {
    "ingest": ingest, "prompts": prompts, "caption": caption, "split": split
}  # fmt: skip
FAULTS = [
    Fault.REFUSED, Fault.DROPPED, Fault.LOST, Fault.BAD_GATEWAY, Fault.TRUNCATED, Fault.TWICE,
]  # fmt: skip


class Road:
    """A workspace on S3, and what each stage finds and leaves in it."""

    def __init__(self, client: Any, proxy: FaultProxy, config: str) -> None:
        self._client = client
        self._proxy = proxy
        self._addresses: dict[str, str] = {}
        self.whole: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.calls: dict[str, int] = {}
        address = self._new()
        S3Store(BUCKET, address.rpartition("/")[2], client).create(
            "alignbench.toml", config.encode()
        )
        for name in STAGES:
            self._addresses[name] = self.copied(address)
            proxy.begin_anew()
            assert self.run(name, address).made
            self.calls[name] = len(proxy.calls)
            self.whole[name] = contents(address)

    def before(self, stage: str) -> str:
        """The address of a workspace to which only that stage has not been."""
        return self.copied(self._addresses[stage])

    def copied(self, address: str) -> str:
        copy = self._new()
        old, new = (where.rpartition("/")[2] for where in (address, copy))
        listed = self._client.list_objects_v2(Bucket=BUCKET, Prefix=f"{old}/")
        for item in listed.get("Contents", []):
            if "/locks/" not in item["Key"]:
                self._client.copy_object(
                    Bucket=BUCKET,
                    Key=item["Key"].replace(old, new, 1),
                    CopySource={"Bucket": BUCKET, "Key": item["Key"]},
                )
        return copy

    @staticmethod
    def run(stage: str, address: str) -> StageReport:
        report: StageReport = run_flow(STAGES[stage], address)
        return report

    def meets(self, stage: str, number: int, fault: Fault) -> None:
        """Runs a stage one of whose calls meets a fault; if that ended it, runs it again."""
        address = self.before(stage)
        self._proxy.begin_anew(once(number, fault))
        try:
            self.run(stage, address)
        except AlignBenchError:
            self._proxy.begin_anew()
            self.run(stage, address)
        self._proxy.begin_anew()
        assert contents(address) == self.whole[stage], (stage, number, fault)
        assert self.run(stage, address).items == 0

    @staticmethod
    def _new() -> str:
        return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def road(
    s3_client: Any, s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "photos").mkdir()
    for number in range(3):
        Image.new("RGB", (4, 3), (number, 0, 7)).save(folder / "photos" / f"{number}.png")
    (folder / "prompts.txt").write_text("A red cat.\nA blue dog sits. It barks.\n")
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.MonkeyPatch.context() as plugins,
        registered(plugins),
        faults_before(s3_endpoint) as proxy,
    ):
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        patch.setattr("alignbench.engine.lease.wait_random_exponential", _at_once)
        yield Road(s3_client, proxy, CONFIG.format(folder=folder))


def _at_once(**_: object) -> Callable[[object], float]:
    return lambda _: 0.0


def moments(calls: int, most: int) -> Sequence[int]:
    """So many calls, spread over all."""
    return sorted({round(step * (calls - 1) / (most - 1)) for step in range(most)})


@pytest.mark.parametrize("stage", ["ingest", "split"])
def test_a_lost_answer_changes_no_table(road: Road, stage: str) -> None:
    for number in moments(road.calls[stage], 4):
        road.meets(stage, number, Fault.LOST)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", list(STAGES))
def test_no_fault_of_any_call_changes_a_table(road: Road, stage: str, fault: Fault) -> None:
    for number in range(road.calls[stage]):
        road.meets(stage, number, fault)
