"""From answers to releases with the command line: labels with names, `--after`, `--to`, `diff`."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from alignbench.cli.app import app
from alignbench.release.verify.verify import verify
from alignbench.schemas.tables import SENTENCES
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.workspace import open_workspace
from tests.flows.roads import CONFIG, new_workspace
from tests.release.benchmark import append, vote

SECOND = CONFIG.replace('"1.0.0"', '"2.0.0"') + "splits = { test = 1, train = 1 }\n"


def alignbench(root: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["-C", str(root), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="public")
    yield
    server.stop()


def test_labels_become_releases_that_are_published_and_compared(
    tmp_path: Path, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    root = new_workspace(tmp_path / "ws", CONFIG)
    for stage in ("ingest", "caption", "split"):
        alignbench(root, stage)
    workspace = open_workspace(root)
    sentences = sorted(workspace.table(SENTENCES).rows(), key=lambda row: row.sentence_id)
    append(workspace, [vote(s, who, Verdict.CORRECT) for s in sentences for who in ("a", "b")])
    assert "label set votes" in alignbench(root, "label", "--name", "votes")
    first = root / "releases" / "photographs" / "1.0.0"
    said = alignbench(root, "release", "--to", "s3://public/sets")
    assert "s3://public/sets/photographs/1.0.0" in said
    assert verify(first).ok
    assert verify("s3://public/sets/photographs/latest").ok
    append(workspace, [vote(sentences[0], who, Verdict.INCORRECT) for who in ("c", "d", "e")])
    alignbench(root, "label", "--name", "more")
    changed = json.loads(alignbench(root, "diff", "--labels", "votes", "more", "--json"))
    assert changed["verdicts"] == [["correct", "incorrect", 1]]
    (root / "alignbench.toml").write_text(SECOND)
    alignbench(root, "release", "--after", str(first), "--to", "s3://public/sets")
    second = root / "releases" / "photographs" / "2.0.0"
    assert [path.name for path in second.glob("data/*/train-*")] == []  # all was in test
    said = alignbench(root, "diff", str(first), "s3://public/sets/photographs/latest")
    assert "1 from correct to incorrect" in said
    assert sentences[0].text in said
    changed_one = f"{sentences[0].model} {sentences[0].sentence_id}"
    assert f"verdict: {changed_one}: correct -> incorrect | " in said
    latest = "s3://public/sets/photographs/latest"
    listed = json.loads(alignbench(root, "diff", str(first), latest, "--json"))["changes"]
    assert {change["sentence_id"] for change in listed} == {sentences[0].sentence_id}
    assert [change["kind"] for change in listed].count("votes") == 3
    assert {"annotation", "n_incorrect", "span_agreement"} <= {c["column"] for c in listed}
