"""The same stages on a workspace in S3."""

import uuid
from pathlib import Path

import pytest

from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.split import split
from alignbench.scenes.photographs import copy_inputs
from alignbench.schemas.tables import IMAGES, PAIRS, SENTENCES
from alignbench.workspace.workspace import open_store, open_workspace
from tests.fixtures.s3 import BUCKET
from tests.flows.roads import CONFIG, alignbench, contents, new_workspace


def test_a_workspace_on_s3_gets_the_same_rows_as_one_in_a_folder(
    s3_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    copy_inputs(tmp_path / "inputs")
    monkeypatch.chdir(tmp_path)
    open_store(address).create("alignbench.toml", CONFIG.encode())
    for stage in (ingest, caption, split):
        assert stage.fn(workspace=address).items == 24
        assert stage.fn(workspace=address).items == 0
    local = new_workspace(tmp_path / "local")
    for name in ("ingest", "caption", "split"):
        assert alignbench(local, name).returncode == 0
    here = contents(local)
    workspace = open_workspace(address)
    for spec in (IMAGES, PAIRS, SENTENCES):
        there = {row[spec.key[0]]: row for row in workspace.table(spec).read().to_pylist()}
        assert there.keys() == {row[spec.key[0]] for row in here[spec.name]}
        for row in here[spec.name]:
            assert {name: there[row[spec.key[0]]][name] for name in row} == row
    for image in workspace.table(IMAGES).rows():
        assert workspace.store.exists(image.blob)
