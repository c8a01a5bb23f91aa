"""The lock on S3 when its owner dies, is slow, or the network loses an answer."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from alignbench.workspace.errors import LockHeldError, LockLostError, StoreUnreachableError
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_lock import hold
from alignbench.workspace.stores.s3_reading import Content
from tests.faults.clock import clock_set
from tests.workspace.waiting import eventually

KEY = "locks/caption.json"
FAR_ON = datetime(2999, 1, 1, tzinfo=UTC)

HOLD = """
import sys
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_lock import hold

with hold(S3Store(sys.argv[1], sys.argv[2]), sys.argv[3], life_seconds=1.5):
    print("held", flush=True)
    sys.stdin.read()
"""


def write_lock(store: S3Store, owner: str, life_seconds: float = 3600.0) -> None:
    lock = {"owner": owner, "life_seconds": life_seconds, "expires": FAR_ON.isoformat()}
    store.write(KEY, json.dumps(lock).encode())


def expiry(store: S3Store) -> datetime:
    return datetime.fromisoformat(json.loads(store.read(KEY))["expires"])


@contextmanager
def held_or_not(store: S3Store) -> Iterator[bool]:
    try:
        with hold(store, KEY):
            yield True
    except LockHeldError:
        yield False


def can_be_taken(store: S3Store) -> bool:
    with held_or_not(store) as held:
        return held


def test_a_lock_that_is_held_names_its_owner_and_its_end(s3_store: S3Store) -> None:
    write_lock(s3_store, "other-host:7:abc")
    with pytest.raises(LockHeldError) as caught, hold(s3_store, KEY):
        pass
    assert "other-host:7:abc" in caught.value.what
    assert "2999-01-01T00:00:00" in caught.value.what


def test_a_lock_that_ran_out_goes_to_exactly_one_of_several(s3_store: S3Store) -> None:
    write_lock(s3_store, "dead-host:1:abc", life_seconds=0.1)
    eventually(lambda: s3_store.content(KEY).age_seconds >= 2)
    all_tried = threading.Barrier(6)

    def attempt(_: int) -> bool:
        with held_or_not(s3_store) as held:
            all_tried.wait(timeout=60)
            return held

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(attempt, range(6))).count(True) == 1


def test_the_lock_of_a_killed_run_runs_out_and_no_sooner(s3_store: S3Store) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, s3_store.bucket, s3_store.prefix, KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait(timeout=30)
    end = expiry(s3_store)
    eventually(lambda: can_be_taken(s3_store))
    assert datetime.now(UTC) >= end


@pytest.mark.parametrize("hours", [-6, 6])
def test_a_clock_that_is_wrong_or_is_set_takes_no_lock_away(s3_store: S3Store, hours: int) -> None:
    with s3_store.lock("caption") as fence, clock_set(hours * 3600):
        assert not can_be_taken(s3_store)
        fence()
    with clock_set(hours * 3600):
        assert can_be_taken(s3_store)


def test_a_lock_of_a_version_that_named_no_life_is_respected(s3_store: S3Store) -> None:
    lock = {"owner": "other-host:7:abc", "expires": datetime.now(UTC).isoformat()}
    s3_store.write(KEY, json.dumps(lock).encode())
    assert not can_be_taken(s3_store)


def test_a_heartbeat_renews_the_lock_beyond_its_life(s3_store: S3Store) -> None:
    with hold(s3_store, KEY, life_seconds=1.0):
        first = expiry(s3_store)
        eventually(lambda: datetime.now(UTC) > first)
        assert not can_be_taken(s3_store)
        assert expiry(s3_store) > first


def test_a_lock_that_was_taken_over_is_reported_at_the_end(s3_store: S3Store) -> None:
    with pytest.raises(LockLostError) as caught, hold(s3_store, KEY):
        write_lock(s3_store, "other-host:7:abc")
    assert KEY in caught.value.what
    assert json.loads(s3_store.read(KEY))["owner"] == "other-host:7:abc"


def test_a_heartbeat_does_not_take_a_lost_lock_back(s3_store: S3Store) -> None:
    beats = CountingStore(s3_store)

    def lose() -> None:
        with hold(beats, KEY, life_seconds=0.3):
            write_lock(s3_store, "other-host:7:abc")
            eventually(lambda: beats.puts >= 2)

    with pytest.raises(LockLostError):
        lose()
    assert json.loads(s3_store.read(KEY))["owner"] == "other-host:7:abc"


def test_a_deleted_lock_is_lost(s3_store: S3Store) -> None:
    with pytest.raises(LockLostError), hold(s3_store, KEY):
        s3_store.delete(KEY)
    assert not s3_store.exists(KEY)


def test_an_error_inside_counts_more_than_the_lost_lock(s3_store: S3Store) -> None:
    def fail() -> None:
        with hold(s3_store, KEY):
            s3_store.delete(KEY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b'{"host": "laptop", "pid": 7}', b'{"owner": 1}', b"\xff"]
)
def test_a_lock_file_copied_from_a_folder_does_not_block(s3_store: S3Store, content: bytes) -> None:
    s3_store.write(KEY, content)
    assert can_be_taken(s3_store)


def test_an_answer_lost_on_the_way_does_not_lose_the_lock(s3_store: S3Store) -> None:
    repeating = RepeatingStore(s3_store)
    with hold(repeating, KEY, life_seconds=0.3):
        eventually(lambda: repeating.puts >= 3)
        assert not can_be_taken(s3_store)
    assert can_be_taken(s3_store)


def test_a_lock_let_go_in_a_lost_answer_and_taken_since_was_not_lost(s3_store: S3Store) -> None:
    with hold(OvertakenStore(s3_store), KEY):
        pass
    assert json.loads(s3_store.read(KEY))["owner"].startswith("other-host:7:")


def test_a_store_that_is_away_for_a_moment_does_not_lose_the_lock(s3_store: S3Store) -> None:
    unsteady = UnsteadyStore(s3_store)
    with hold(unsteady, KEY, life_seconds=1.0):
        eventually(lambda: unsteady.puts >= 3)
    assert can_be_taken(s3_store)


def test_a_fence_lets_everything_pass_while_the_lock_is_held(s3_store: S3Store) -> None:
    beats = CountingStore(s3_store)
    with hold(beats, KEY) as fence:
        for _ in range(1000):
            fence()
        assert beats.puts == 1, "It asks the store only where there is a doubt."


def test_a_fence_raises_once_the_lock_was_taken_over(s3_store: S3Store) -> None:
    asleep = SleepingStore(s3_store)
    with pytest.raises(LockLostError), hold(asleep, KEY, life_seconds=0.5) as fence:  # noqa: PT012
        asleep.sleeps.set()
        eventually(lambda: can_be_taken(s3_store))
        write_lock(s3_store, "other-host:7:abc")
        asleep.sleeps.clear()
        with pytest.raises(LockLostError):
            fence()


def test_a_lock_that_ran_out_and_that_nobody_took_is_held_on(s3_store: S3Store) -> None:
    asleep = SleepingStore(s3_store)
    with hold(asleep, KEY, life_seconds=0.5) as fence:
        asleep.sleeps.set()
        end = expiry(s3_store)
        eventually(lambda: datetime.now(UTC) > end)
        asleep.sleeps.clear()
        fence()
        assert not can_be_taken(s3_store)


class CountingStore:
    """An S3 store that counts what is put."""

    def __init__(self, store: S3Store) -> None:
        self.store = store
        self.url = store.url
        self.puts = 0

    def content(self, key: str) -> Content:
        return self.store.content(key)

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        self.puts += 1
        return self.store.put_if(key, data, etag)


class RepeatingStore(CountingStore):
    """Every PUT goes through, its answer is lost, and boto3 sends it again."""

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        super().put_if(key, data, etag)
        return self.store.put_if(key, data, etag)


class OvertakenStore(CountingStore):
    """The lock is let go, the answer is lost, and another has it before the PUT is sent again."""

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        written = super().put_if(key, data, etag)
        if self.puts == 1:
            return written
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("alignbench.workspace.stores.s3_lock._Heartbeat.release", lambda _: True)
            patch.setattr(
                "alignbench.workspace.stores.s3_lock.socket.gethostname", lambda: "other-host"
            )
            patch.setattr("alignbench.workspace.stores.s3_lock.os.getpid", lambda: 7)
            with hold(self.store, key):
                pass
        return self.store.put_if(key, data, etag)


class UnsteadyStore(CountingStore):
    """The first renewal finds no one there."""

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        if self.puts == 1:
            self.puts += 1
            raise StoreUnreachableError("The store is away.", "Wait.")
        return super().put_if(key, data, etag)


class SleepingStore(CountingStore):
    """Renewals do not get through while the owner sleeps, as if its process were stopped."""

    def __init__(self, store: S3Store) -> None:
        super().__init__(store)
        self.sleeps = threading.Event()

    def put_if(self, key: str, data: bytes, etag: str | None) -> str | None:
        if self.sleeps.is_set():
            raise StoreUnreachableError("The process sleeps.", "Wake it.")
        return super().put_if(key, data, etag)
