import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

ORIGIN = "http://localhost:8080"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield {**os.environ, "BUCKET": "alignbench", "CORS_ORIGINS": ORIGIN}
    server.stop()


def create_bucket(root: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "deploy" / "create_bucket.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_bucket_is_made_and_pages_of_label_studio_may_read_it(
    root: Path, environment: dict[str, str]
) -> None:
    result = create_bucket(root, environment)
    assert result.returncode == 0, result.stderr
    assert "made" in result.stdout
    client = boto3.client("s3")
    assert "alignbench" in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    (rule,) = client.get_bucket_cors(Bucket="alignbench")["CORSRules"]
    assert rule["AllowedOrigins"] == [ORIGIN]
    assert sorted(rule["AllowedMethods"]) == ["GET", "HEAD"]


def test_a_second_run_changes_nothing_and_says_so(root: Path, environment: dict[str, str]) -> None:
    create_bucket(root, environment)
    client = boto3.client("s3")
    client.put_object(Bucket="alignbench", Key="kept", Body=b"kept")
    before = client.get_bucket_cors(Bucket="alignbench")["CORSRules"]
    result = create_bucket(root, environment)
    assert result.returncode == 0, result.stderr
    assert "was there" in result.stdout
    assert client.get_object(Bucket="alignbench", Key="kept")["Body"].read() == b"kept"
    assert client.get_bucket_cors(Bucket="alignbench")["CORSRules"] == before


def test_a_new_address_of_label_studio_replaces_the_old_one(
    root: Path, environment: dict[str, str]
) -> None:
    create_bucket(root, environment)
    create_bucket(root, {**environment, "CORS_ORIGINS": "https://a.example, https://b.example"})
    (rule,) = boto3.client("s3").get_bucket_cors(Bucket="alignbench")["CORSRules"]
    assert sorted(rule["AllowedOrigins"]) == ["https://a.example", "https://b.example"]


def test_a_refused_name_ends_with_its_reason(root: Path, environment: dict[str, str]) -> None:
    result = create_bucket(root, {**environment, "BUCKET": "No"})
    assert result.returncode == 1
    assert "'No' could not be set up" in result.stderr
