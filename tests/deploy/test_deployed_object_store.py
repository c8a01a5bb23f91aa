"""The object store of docker-compose.yml, with its flags and its identities, run without Docker."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

GRPC_OFFSET = 10_000
ORIGIN = "http://localhost:8080"
IMAGE_KEY = "main/blobs/images/ab/image.png"
WRITERS = 8
ROUNDS = 10

Client = Callable[[str], Any]


def free_port() -> int:
    """Gives a port for a server of SeaweedFS, which takes the one 10,000 further up as well."""
    while True:
        with socket.socket() as http, socket.socket() as grpc:
            http.bind(("127.0.0.1", 0))
            port: int = http.getsockname()[1]
            try:
                grpc.bind(("127.0.0.1", port + GRPC_OFFSET))
            except (OSError, OverflowError):
                continue
            return port


@pytest.fixture(scope="module")
def client(
    root: Path, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Gives an S3 client for `writer` or `reader`, the bucket being set up."""
    weed = tool("weed")
    folder = tmp_path_factory.mktemp("object-store")
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    secrets = {
        "S3_ACCESS_KEY_ID": "writer",
        "S3_SECRET_ACCESS_KEY": "writer-secret",
        "S3_READER_ACCESS_KEY_ID": "reader",
        "S3_READER_SECRET_ACCESS_KEY": "reader-secret",
    }
    config = str(folder / "s3.json")
    service = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]["object-store"]
    arguments = [argument for argument in service["command"] if argument != "/entrypoint.sh"]
    command = [
        *("sh", str(root / "deploy" / "start-object-store.sh"), weed, *arguments),
        *("-dir", str(folder), "-s3.config", config, "-s3.ip.bind", "127.0.0.1"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **secrets, "S3_CONFIG": config},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_stores(process, ports)
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        set_up_bucket(root, endpoint)
        yield lambda identity: connect(endpoint, identity)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait_until_it_stores(process: subprocess.Popen[bytes], ports: dict[str, int]) -> None:
    probes = (
        f"http://127.0.0.1:{ports['s3']}/healthz",
        f"http://127.0.0.1:{ports['master']}/dir/assign",
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the object store ended"
        try:
            for probe in probes:
                urllib.request.urlopen(probe, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("the object store did not become healthy")


def connect(endpoint: str, identity: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=identity,
        aws_secret_access_key=f"{identity}-secret",
        config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}),
    )


def set_up_bucket(root: Path, endpoint: str) -> None:
    environment = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "writer",
        "AWS_SECRET_ACCESS_KEY": "writer-secret",
        "BUCKET": "alignbench",
        "CORS_ORIGINS": ORIGIN,
    }
    script = [sys.executable, str(root / "deploy" / "create_bucket.py")]
    for said in ("made", "was there"):
        result = subprocess.run(
            script, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert said in result.stdout
    connect(endpoint, "writer").put_object(Bucket="alignbench", Key=IMAGE_KEY, Body=b"image")


def status(call: Callable[[], object]) -> int:
    try:
        call()
    except ClientError as error:
        code: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return code
    return 200


def race(client: Any, key: str, **condition: str) -> Counter[int]:
    def write(_: int) -> int:
        return status(
            lambda: client.put_object(
                Bucket="alignbench", Key=key, Body=uuid.uuid4().bytes, **condition
            )
        )

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(write, range(WRITERS)))


def test_of_many_writers_at_once_one_takes_a_lock_and_one_takes_it_over(client: Client) -> None:
    writer = client("writer")
    for number in range(ROUNDS):
        key = f"main/locks/{number}.json"
        one_winner = {200: 1, 412: WRITERS - 1}
        assert race(writer, key, IfNoneMatch="*") == one_winner
        etag = writer.head_object(Bucket="alignbench", Key=key)["ETag"]
        assert race(writer, key, IfMatch=etag) == one_winner


def test_a_lock_that_changed_hands_is_not_freed(client: Client) -> None:
    writer = client("writer")
    place = {"Bucket": "alignbench", "Key": "main/locks/freed.json"}
    stale = writer.put_object(**place, Body=b"mine")["ETag"]
    held = writer.put_object(**place, Body=b"another's")["ETag"]
    assert status(lambda: writer.delete_object(**place, IfMatch=stale)) == 412
    assert status(lambda: writer.delete_object(**place, IfMatch=held)) == 200


def test_label_studio_reads_images_and_nothing_else(client: Client) -> None:
    writer, reader = client("writer"), client("reader")
    writer.put_object(Bucket="alignbench", Key="main/tables/gold/part.parquet", Body=b"gold")
    image = {"Bucket": "alignbench", "Key": IMAGE_KEY}
    table = {"Bucket": "alignbench", "Key": "main/tables/gold/part.parquet"}
    assert status(lambda: reader.get_object(**image)) == 200
    assert status(lambda: reader.get_object(**table)) == 403
    assert status(lambda: reader.put_object(**image, Body=b"")) == 403
    assert status(lambda: reader.delete_object(**image)) == 403


def test_no_identity_reaches_another_bucket(client: Client) -> None:
    assert status(lambda: client("writer").create_bucket(Bucket="another")) == 403


@pytest.mark.parametrize(
    ("origin", "allowed"), [(ORIGIN, ORIGIN), ("http://stranger.example", None)]
)
def test_a_presigned_image_opens_in_pages_of_label_studio_only(
    client: Client, origin: str, allowed: str | None
) -> None:
    url = client("reader").generate_presigned_url(
        "get_object",
        Params={"Bucket": "alignbench", "Key": IMAGE_KEY, "ResponseContentType": "image/png"},
    )
    request = urllib.request.Request(url, headers={"Origin": origin})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.read() == b"image"
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Access-Control-Allow-Origin"] == allowed


def test_an_image_without_a_signature_is_refused(client: Client) -> None:
    endpoint = client("reader").meta.endpoint_url
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{endpoint}/alignbench/{IMAGE_KEY}", timeout=10)
    assert refused.value.code == 403
