"""Roads that all stages went once, for tests of what goes wrong on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alignbench.workspace.stores.s3 import S3Store
from tests.faults.deaths import Writes, writes_counted
from tests.faults.http_proxy import FaultProxy, faults_before
from tests.fixtures.s3 import ENVIRONMENT
from tests.flows.question_stage_roads import question_config, question_inputs, question_steps
from tests.flows.stage_roads import STEPS, Buckets, Folders, Road, fill_inputs, without_waiting
from tests.generators.endpoint.model_server import running


@pytest.fixture(scope="module")
def folder_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """A road of workspaces in folders, whose writes are counted."""
    place = Folders(tmp_path_factory.mktemp("workspaces"))
    config = fill_inputs(tmp_path_factory.mktemp("inputs"))
    start = place.new()
    (Path(start) / "alignbench.toml").write_text(config)
    with without_waiting(), writes_counted(Writes()) as writes:
        yield Road(place, start, STEPS, writes.taken)


@pytest.fixture(scope="module")
def question_road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """The road of questions, answers and judgements, and of a published set, in folders."""
    place = Folders(tmp_path_factory.mktemp("workspaces"))
    start = place.new()
    steps = question_steps(question_inputs(tmp_path_factory.mktemp("inputs")))
    with running() as server, without_waiting(), writes_counted(Writes()) as writes:
        (Path(start) / "alignbench.toml").write_text(question_config(server))
        yield Road(place, start, steps, writes.taken)


@pytest.fixture(scope="module")
def s3_proxy(s3_client: Any, s3_endpoint: str) -> Iterator[FaultProxy]:
    """What stands between the tests of a module and the S3 server."""
    with pytest.MonkeyPatch.context() as patch, faults_before(s3_endpoint) as proxy:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        yield proxy


@pytest.fixture(scope="module")
def s3_road(
    s3_proxy: FaultProxy, s3_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    """A road of workspaces on S3, whose calls are counted by the proxy."""
    config = fill_inputs(tmp_path_factory.mktemp("inputs"))
    place = Buckets(s3_client)
    start = place.new()
    _store(start, s3_client).create("alignbench.toml", config.encode())
    with without_waiting() as patch:
        patch.chdir(tmp_path_factory.mktemp("reports"))
        yield Road(place, start, STEPS, s3_proxy.taken)


@pytest.fixture(scope="module")
def inputs_of_questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a road of questions on S3 reads."""
    return question_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def s3_question_road(
    s3_proxy: FaultProxy, s3_client: Any, inputs_of_questions: Path
) -> Iterator[Road]:
    """The road of questions, answers and judgements, and of a published set, on S3."""
    place = Buckets(s3_client)
    start = place.new()
    with running() as server, without_waiting():
        store = _store(start, s3_client)
        store.create("alignbench.toml", question_config(server).encode())
        yield Road(place, start, question_steps(inputs_of_questions), s3_proxy.taken)


def _store(address: str, client: Any) -> S3Store:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return S3Store(bucket, prefix, client)
