"""Stores that speak S3 as it was: without checksums or without conditional writes."""

import io
import pickle
import threading
import uuid

import pytest

from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.errors import (
    LockHeldError,
    ObjectNotFoundError,
    StoreRefusedError,
    StoreUnreachableError,
)
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_answers import BASIC_SETTING
from tests.fixtures.s3 import ELSEWHERE

LARGE = bytes(range(256)) * (44 << 10)
"""11 MiB: three parts of the least size that S3 takes."""


@pytest.fixture
def _basic(s3_kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASIC_SETTING, "1")
    monkeypatch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 5 << 20)
    monkeypatch.setattr("alignbench.workspace.stores.s3._SETTLING_SECONDS", 0.2)


def new_store() -> S3Store:
    return S3Store(ELSEWHERE, uuid.uuid4().hex)


def put(store: S3Store, key: str, data: bytes) -> bool:
    return store.put_file(key, io.BytesIO(data), sha256_hex(data))


def test_the_stores_own_words_reach_the_operator_and_what_to_set(s3_kind: str) -> None:
    store = new_store()
    if s3_kind == "conditions-ignored":
        assert store.create("a", b"1")
        assert store.create("a", b"2")  # nobody can tell; `doctor` tries it
        return
    with pytest.raises(StoreRefusedError) as caught:
        store.create("a", b"1")
    assert not isinstance(caught.value, StoreUnreachableError)  # which would be tried again
    header = "x-amz-" if s3_kind == "checksums-refused" else "if-none-match"
    assert f"functionality that is not implemented: {header}" in caught.value.what
    assert f"{BASIC_SETTING}=1" in caught.value.fix


@pytest.mark.usefixtures("_basic")
def test_one_setting_makes_a_store_of_it() -> None:
    store = new_store()
    store.write("a/b", b"first")
    store.write("a/b", b"second")
    assert store.read("a/b") == b"second"
    assert store.create("a/c", b"1")
    assert not store.create("a/c", b"2")
    assert store.read("a/c") == b"1"
    etag = store.content("a/c").etag
    newer = store.put_if("a/c", b"3", etag)
    assert newer is not None
    assert store.put_if("a/c", b"4", etag) is None
    assert store.put_if("a/gone", b"4", etag) is None
    assert put(store, "a/large", LARGE)
    assert not put(store, "a/large", LARGE)
    assert store.read("a/large") == LARGE
    assert [info.key for info in store.list("a")] == ["a/b", "a/c", "a/large"]
    store.delete("a/b")
    with pytest.raises(ObjectNotFoundError):
        store.read("a/b")
    assert pickle.loads(pickle.dumps(store)).is_basic


@pytest.mark.usefixtures("_basic")
def test_a_lock_is_held_by_one_and_free_afterwards() -> None:
    store = new_store()
    with store.lock("stage") as fence:
        fence()
        with pytest.raises(LockHeldError), store.lock("stage"):
            pass
    with store.lock("stage"):
        pass


@pytest.mark.usefixtures("_basic")
def test_of_runs_that_start_together_one_gets_the_lock() -> None:
    """Each holds it, if it gets it, until all have tried."""
    store = new_store()
    store.write("warm", b"")  # so that making clients does not set them apart
    together = threading.Barrier(4, timeout=30)
    got: list[int] = []

    def run(number: int) -> None:
        rival = S3Store(store.bucket, store.prefix)
        rival.read("warm")
        together.wait()
        try:
            with rival.lock("stage"):
                got.append(number)
                together.wait()
        except LockHeldError:
            together.wait()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_checksums_alone_can_be_left_out_by_boto3s_own_setting(
    s3_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    monkeypatch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 5 << 20)
    store = new_store()
    assert put(store, "a/large", LARGE)
    assert store.read("a/large") == LARGE
