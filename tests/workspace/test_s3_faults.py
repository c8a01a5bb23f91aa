"""An S3 store whose answers break off, get lost or say little: nothing is wrong afterwards."""

import hashlib
import io
import uuid
from collections.abc import Iterator

import pytest

from alignbench.workspace.errors import (
    ObjectNotFoundError,
    StoreRefusedError,
    StoreUnreachableError,
)
from alignbench.workspace.stores.s3 import S3Store
from tests.faults.http_proxy import Call, Fault, FaultProxy, every, faults_before, once
from tests.fixtures.s3 import BUCKET, serving_answers

LARGE = bytes(range(256)) * 4096
"""1 MiB."""


@pytest.fixture
def proxy(
    s3_environment: None, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    with faults_before(s3_endpoint) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", found.url)
        yield found


@pytest.fixture
def store(proxy: FaultProxy) -> S3Store:
    store = S3Store(BUCKET, uuid.uuid4().hex)
    store.write("large", LARGE)
    proxy.begin_anew()
    return store


def test_a_body_that_breaks_off_is_read_on_from_there(store: S3Store, proxy: FaultProxy) -> None:
    proxy.begin_anew(lambda call: Fault.TRUNCATED if call.number < 3 else Fault.NONE)
    assert store.read("large") == LARGE
    assert len(proxy.calls) == 4


def test_so_is_a_range(store: S3Store, proxy: FaultProxy) -> None:
    with store.open_ranges("large") as file:
        proxy.begin_anew(once(0, Fault.TRUNCATED))
        file.seek(1000)
        assert file.read(300_000) == LARGE[1000:301_000]
    assert len(proxy.calls) > 1


def test_an_object_that_is_replaced_meanwhile_is_read_anew(
    store: S3Store, proxy: FaultProxy
) -> None:
    def plan(call: Call) -> Fault:
        if call.number == 0:
            return Fault.TRUNCATED
        if call.number == 1:
            store.write("large", LARGE[::-1])
        return Fault.NONE

    proxy.begin_anew(plan)
    assert store.read("large") == LARGE[::-1]


def test_a_body_that_never_comes_ends_in_an_error(
    store: S3Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alignbench.workspace.stores.s3_reading._FIRST_PAUSE", 0.001)
    store.write("small", b"1")  # half of it is nothing
    proxy.begin_anew(lambda call: Fault.TRUNCATED if "small" in call.path else Fault.NONE)
    with pytest.raises(StoreUnreachableError, match="AB-W07"):
        store.read("small")


@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.DROPPED, Fault.LOST, Fault.BAD_GATEWAY, Fault.TRUNCATED]
)
def test_each_third_call_may_fail(store: S3Store, proxy: FaultProxy, fault: Fault) -> None:
    proxy.begin_anew(every(3, fault))
    for number in range(6):
        assert store.create(f"parts/{number}", LARGE[: number + 1])
    assert [item.size for item in store.list("parts")] == [1, 2, 3, 4, 5, 6]
    assert store.read("large") == LARGE


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.BAD_GATEWAY, Fault.TWICE])
def test_a_write_on_a_condition_knows_itself_though_its_answer_was_lost(
    store: S3Store, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.begin_anew(once(0, fault))
    first = store.put_if("config", b"ours", etag=None)
    assert first is not None
    proxy.begin_anew(once(0, fault))
    assert store.put_if("config", b"ours, again", etag=first) is not None
    proxy.begin_anew(once(0, fault))
    assert not store.create("config", b"ours, again"), "Another wrote the same before."
    assert store.read("config") == b"ours, again"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.LOST,
        *(
            pytest.param(other, marks=pytest.mark.full)
            for other in (Fault.BAD_GATEWAY, Fault.TWICE, Fault.REFUSED, Fault.DROPPED)
        ),
    ],
)
def test_a_file_in_parts_arrives_whichever_call_fails(
    store: S3Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 5 << 20)
    data = LARGE * 6
    sha256 = hashlib.sha256(data).hexdigest()
    proxy.begin_anew()
    assert store.put_file("whole", io.BytesIO(data), sha256)
    for number in range(len(proxy.calls)):
        proxy.begin_anew(once(number, fault))
        key = f"{fault.name}-{number}"
        assert store.put_file(key, io.BytesIO(data), sha256)
        proxy.begin_anew()
        assert store.read(key) == data
        assert not store.put_file(key, io.BytesIO(data), sha256)
    uploads = store.client.list_multipart_uploads(Bucket=BUCKET, Prefix=store.prefix)
    assert not uploads.get("Uploads")


@pytest.mark.parametrize(
    ("status", "code", "fix"),
    [
        (400, "ExpiredToken", "Renew the credentials"),
        (403, "RequestTimeTooSkewed", "Set the clock"),
        (404, "NoSuchBucket", "Make the bucket"),
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "Let this key"),
    ],
)
def test_what_stands_behind_a_head_is_found_out(
    s3_environment: None, monkeypatch: pytest.MonkeyPatch, status: int, code: str, fix: str
) -> None:
    with serving_answers(status, code) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        with pytest.raises(StoreUnreachableError) as caught:
            S3Store("bucket").exists("alignbench.toml")
    assert not isinstance(caught.value, StoreRefusedError)
    assert fix in caught.value.fix
    assert "doctor" not in caught.value.fix


def test_an_object_that_is_not_there_is_asked_about_twice_only_once(
    store: S3Store, proxy: FaultProxy
) -> None:
    fresh = S3Store(BUCKET, store.prefix)
    for name in ("a", "b", "c"):
        assert not fresh.exists(name)
    assert [call.method for call in proxy.calls] == ["HEAD", "GET", "HEAD", "HEAD"]
    with pytest.raises(ObjectNotFoundError):
        fresh.open_ranges("d")
