"""Publishing to S3: whole or not at all for readers, and continued after any stop."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from alignbench.release.errors import ReleaseExistsError
from alignbench.release.publishing.upload import upload_release
from alignbench.release.verify.verify import verify
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import open_release
from alignbench.release_format.layout import CHECKSUMS
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.errors import StoreRefusedError
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_answers import BASIC_SETTING
from tests.fixtures.s3 import ELSEWHERE
from tests.release.corruption import DATA, change_rows, change_text

TARGET = "s3://public/benchmarks"
LARGE = bytes(range(256)) * (13 << 12)
"""13 MiB: three parts of the least size that S3 takes."""


class StoppedError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = boto3.client("s3")
    found.create_bucket(Bucket="public")
    yield found
    server.stop()


def counting(monkeypatch, stop_after: int | None = None) -> list[str]:
    """Counts what is written by any client from now on; the process ends before one more."""
    calls: list[str] = []

    def before(model, **_):
        if model.name in ("PutObject", "UploadPart", "CompleteMultipartUpload"):
            if stop_after is not None and len(calls) >= stop_after:
                raise StoppedError
            calls.append(model.name)

    real = boto3.Session.client

    def client_of(session, *arguments, **options):
        made = real(session, *arguments, **options)
        made.meta.events.register("before-call.s3", before)
        return made

    monkeypatch.setattr(boto3.Session, "client", client_of)
    return calls


def test_a_published_release_is_verified_where_it_is_and_found_as_the_latest(released, client):
    report = upload_release(str(released), TARGET)
    assert report.address == f"{TARGET}/small/1.0.0"
    assert (report.sent, report.there) == (verify(released).files - 1, 0)
    assert verify(report.address).ok
    assert verify(f"{TARGET}/small/latest").ok
    latest = ReleaseReader(open_release(f"{TARGET}/small/latest"))
    assert latest.name == "small/1.0.0"
    assert len(latest.sentences()) > 0
    pointer = json.loads(
        client.get_object(Bucket="public", Key="benchmarks/small/latest.json")["Body"].read()
    )
    assert pointer["version"] == "1.0.0"


def test_publishing_again_sends_nothing(released, client, monkeypatch):
    upload_release(str(released), TARGET)
    calls = counting(monkeypatch)
    assert upload_release(str(released), TARGET).sent == 0
    # The lock refused since it is there, and taken over; SHA256SUMS likewise refused; and the lock
    # let go.
    assert calls == ["PutObject"] * 4


def renumber(folder: Path, version: str) -> None:
    """Gives a release another version."""
    change_text(folder, "release.json", '"version": "1.0.0"', f'"version": "{version}"')


def latest(client) -> dict[str, object]:
    found = client.get_object(Bucket="public", Key="benchmarks/small/latest.json")
    return json.loads(found["Body"].read())


def test_the_newest_stays_when_an_older_one_is_published_again(released, client, tmp_path):
    versions = ("1.0.0", "1.1.0", "2.0.0")
    folders = {version: tmp_path / version for version in versions}
    for version, folder in folders.items():
        shutil.copytree(released, folder)
        if version != "1.0.0":
            renumber(folder, version)
        upload_release(str(folder), TARGET)
        assert latest(client)["version"] == version
    for version in (*versions, "1.0.0"):
        assert upload_release(str(folders[version]), TARGET).sent == 0
        assert latest(client)["version"] == "2.0.0"
    assert latest(client)["earlier"] == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize(
    "damage", [b"", b"[1]", b'{"version": 3}', b'{"version": "1", "earlier": 2}']
)
def test_a_pointer_that_says_nothing_is_replaced(released, client, damage):
    client.put_object(Bucket="public", Key="benchmarks/small/latest.json", Body=damage)
    upload_release(str(released), TARGET)
    assert latest(client)["version"] == "1.0.0"


def test_what_a_stop_kept_from_being_the_newest_is_made_it(released, client, tmp_path):
    upload_release(str(released), TARGET)
    other = Path(shutil.copytree(released, tmp_path / "other"))
    renumber(other, "1.1.0")
    upload_release(str(other), TARGET)
    # As if the upload of 1.1.0 had been stopped just before it.
    client.put_object(
        Bucket="public", Key="benchmarks/small/latest.json", Body=b'{"version": "1.0.0"}'
    )
    assert upload_release(str(other), TARGET).sent == 0
    assert latest(client)["version"] == "1.1.0"


def goes_on_after(writes: int, released: Path, client, patch: pytest.MonkeyPatch) -> None:
    """Stops an upload at that write: there is no release yet, and the next run sends the rest."""
    whole = verify(released).files
    target = f"s3://public/stopped-at-{writes}"
    with patch.context() as counted:
        counting(counted, writes)
        try:
            upload_release(str(released), target)
        except StoppedError:
            assert writes < whole + 3
        else:
            assert writes >= whole + 3
    keys = {
        o["Key"]
        for o in client.list_objects_v2(Bucket="public", Prefix=f"stopped-at-{writes}/").get(
            "Contents", []
        )
    }
    if writes <= whole:  # the first one took the lock of the place
        assert not any(key.endswith((CHECKSUMS, "latest.json")) for key in keys)
    # Nothing was let go, as after a kill: the lock runs out a minute later.
    client.delete_object(Bucket="public", Key=f"stopped-at-{writes}/small/locks/1.0.0.json")
    report = upload_release(str(released), target)
    assert report.there == min(max(writes - 1, 0), whole - 1)
    assert verify(report.address).ok


def test_stopped_at_a_write_it_is_no_release_yet_and_goes_on(released, client, monkeypatch):
    whole = verify(released).files
    for writes in (0, whole // 2, whole + 1, whole + 3):
        goes_on_after(writes, released, client, monkeypatch)


@pytest.mark.full
def test_stopped_at_any_write_it_is_no_release_yet_and_goes_on(released, client, monkeypatch):
    for writes in range(verify(released).files + 4):
        goes_on_after(writes, released, client, monkeypatch)


def test_another_release_of_that_name_and_version_is_never_overwritten(released, client, tmp_path):
    upload_release(str(released), TARGET)
    other = Path(shutil.copytree(released, tmp_path / "other"))
    change_rows(other, DATA, lambda rows: rows[0].update(domain="sea"))
    with pytest.raises(ReleaseExistsError, match=r"small/1\.0\.0"):
        upload_release(str(other), TARGET)
    assert verify(f"{TARGET}/small/1.0.0").ok


def test_what_is_not_finished_is_not_published(released, client, tmp_path):
    other = Path(shutil.copytree(released, tmp_path / "other"))
    (other / CHECKSUMS).unlink()
    with pytest.raises(NotAReleaseError):
        upload_release(str(other), TARGET)
    with pytest.raises(UsageError, match="S3"):
        upload_release(str(released), str(tmp_path / "copy"))


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 5 << 20)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test writes: the server's buckets outlive it."""
    return f"large/{request.node.name}"


def put(key: str, data: bytes) -> bool:
    """Puts a file by a client of its own, as another run has."""
    return S3Store("public").put_file(key, io.BytesIO(data), sha256_hex(data))


@pytest.mark.usefixtures("_small_parts")
def test_a_large_file_goes_on_part_by_part(client, key, monkeypatch):
    with monkeypatch.context() as patch:
        counting(patch, 2)
        with pytest.raises(StoppedError):
            put(key, LARGE)
    calls = counting(monkeypatch)
    assert put(key, LARGE)
    assert calls == ["UploadPart", "CompleteMultipartUpload"]
    assert S3Store("public").read(key) == LARGE
    assert not put(key, LARGE)


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("before", [bytes(13 << 20), LARGE[: 12 << 20]], ids=["other", "shorter"])
def test_parts_of_another_file_are_dropped(client, key, monkeypatch, before):
    with monkeypatch.context() as patch:
        counting(patch, 3)
        with pytest.raises(StoppedError):
            put(key, before)
    assert put(key, LARGE)
    assert S3Store("public").read(key) == LARGE
    head = client.head_object(Bucket="public", Key=key)
    assert head["Metadata"]["sha256"] == sha256_hex(LARGE)
    assert not client.list_multipart_uploads(Bucket="public").get("Uploads")


@pytest.mark.usefixtures("_small_parts")
def test_parts_of_another_size_are_dropped(client, key, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 6 << 20)
        counting(patch, 1)
        with pytest.raises(StoppedError):
            put(key, LARGE)
    assert put(key, LARGE)
    assert S3Store("public").read(key) == LARGE


def test_a_store_that_knows_s3_as_it_was_takes_a_release_by_one_setting(
    released, s3_kind, monkeypatch
):
    target = f"s3://{ELSEWHERE}/{s3_kind}"
    if s3_kind != "conditions-ignored":
        with pytest.raises(StoreRefusedError, match="functionality that is not implemented"):
            upload_release(str(released), target)
    monkeypatch.setenv(BASIC_SETTING, "1")
    report = upload_release(str(released), target)
    assert verify(report.address).ok
    assert upload_release(str(released), target).sent == 0
