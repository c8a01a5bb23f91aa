"""What every store does, asked of the local one and of the one on S3 in the same words."""

import io
import pickle
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.errors import ObjectNotFoundError, StoreUnreachableError, UnsafeKeyError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.store import ObjectStore, checked_key

UNSAFE_KEYS = [
    "",
    "/etc/passwd",
    "..",
    "../outside",
    "tables/../../outside",
    "tables/./pairs",
    "tables//pairs",
    "tables/",
    "tables\\pairs",
    "tables/nul\x00",
    "line\nbreak",
    "lone\ud800surrogate",
]


def keys_of(store: ObjectStore, prefix: str) -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_what_was_written_is_read_back(store: ObjectStore) -> None:
    store.write("blobs/a b.bin", b"\x00\xff")
    assert store.read("blobs/a b.bin") == b"\x00\xff"
    assert store.exists("blobs/a b.bin")


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.write("blobs/empty", b"")
    assert store.read("blobs/empty") == b""
    with store.open("blobs/empty") as file:
        assert file.read() == b""
    assert [info.size for info in store.list("blobs")] == [0]


def test_writing_again_replaces_the_object(store: ObjectStore) -> None:
    store.write("a/b", b"first and longer")
    store.write("a/b", b"second")
    assert store.read("a/b") == b"second"


def test_opening_gives_random_access(store: ObjectStore) -> None:
    store.write("a/b", b"0123456789")
    with store.open("a/b") as file:
        assert file.size() == 10
        file.seek(7)
        assert file.read() == b"789"


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_an_open_object_stays_readable_when_it_is(store: ObjectStore, change: str) -> None:
    store.write("a/b", b"0123456789")
    with store.open("a/b") as file:
        store.delete("a/b") if change == "deleted" else store.write("a/b", b"new")
        assert file.read() == b"0123456789"


def test_creating_succeeds_once_and_changes_nothing_after(store: ObjectStore) -> None:
    assert store.create("a/b", b"first")
    assert not store.create("a/b", b"second")
    assert store.read("a/b") == b"first"


def test_a_deleted_key_can_be_created_again(store: ObjectStore) -> None:
    assert store.create("a/b", b"first")
    store.delete("a/b")
    assert store.create("a/b", b"second")
    assert store.read("a/b") == b"second"


def put(store: ObjectStore, key: str, data: bytes) -> bool:
    return store.put_file(key, io.BytesIO(data), sha256_hex(data))


@pytest.mark.parametrize("data", [b"rows" * 1000, b""])
def test_a_file_is_written_as_an_object_once(store: ObjectStore, data: bytes) -> None:
    assert put(store, "releases/shard", data)
    assert store.read("releases/shard") == data
    assert not put(store, "releases/shard", data)


def test_a_file_replaces_another(store: ObjectStore) -> None:
    store.write("releases/shard", b"new")
    for data in (b"older", b"new"):
        assert put(store, "releases/shard", data)
        assert store.read("releases/shard") == data


def test_a_file_is_copied_from_one_store_to_another(store: ObjectStore, tmp_path: Path) -> None:
    store.write("a/b", b"0123456789")
    other = LocalStore(tmp_path / "other")
    with store.open("a/b") as file:
        assert other.put_file("a/b", file, sha256_hex(b"0123456789"))
    assert other.read("a/b") == b"0123456789"


def test_a_large_file_is_sent_in_parts(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # 64 MiB parts would make a slow test; 5 MiB is the least that S3 takes.
    monkeypatch.setattr("alignbench.workspace.stores.s3.PART_BYTES", 5 << 20)
    data = bytes(range(256)) * (48 << 10)
    assert put(store, "releases/shard", data)
    assert store.read("releases/shard") == data
    if isinstance(store, S3Store):
        assert store.content("releases/shard").etag.strip('"').endswith("-3")


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.write("a/b", b"")
    store.delete("a/none")
    store.delete("a/b/none")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


@pytest.mark.parametrize("key", ["a/none", "none", "a/b/below-an-object", "a"])
def test_a_missing_object_is_named(store: ObjectStore, key: str) -> None:
    store.write("a/b", b"")
    assert not store.exists(key)
    for get in (store.read, store.open):
        with pytest.raises(ObjectNotFoundError) as caught:
            get(key)
        assert key in caught.value.what
        assert store.url in caught.value.what


def test_a_listing_is_in_order_of_whole_keys(store: ObjectStore) -> None:
    keys = ["t/a.x", "t/a/b", "t/a/b.c", "t/a/b-/c", "t/a0", "t/Z", "t/z", "t/é", "t/\U0001f600"]
    for key in keys:
        store.write(key, key.encode())
    store.write("tt/other", b"")
    listed = list(store.list("t"))
    assert [info.key for info in listed] == sorted(keys)
    assert [info.size for info in listed] == [len(key.encode()) for key in sorted(keys)]


def test_a_listing_of_nothing_is_empty(store: ObjectStore) -> None:
    assert keys_of(store, "tables/pairs") == []
    store.write("tables/pairs", b"an object, not a folder")
    assert keys_of(store, "tables/pairs") == []


def test_a_listing_goes_beyond_a_thousand_objects(store: ObjectStore) -> None:
    expected = [f"many/{number:04}" for number in range(1005)]
    for key in reversed(expected):
        store.create(key, b"")
    assert keys_of(store, "many") == expected


@pytest.mark.parametrize("key", UNSAFE_KEYS)
def test_a_key_that_would_leave_the_workspace_is_refused(store: ObjectStore, key: str) -> None:
    calls = [
        lambda: store.read(key),
        lambda: store.open(key),
        lambda: store.write(key, b""),
        lambda: store.create(key, b""),
        lambda: put(store, key, b""),
        lambda: store.exists(key),
        lambda: list(store.list(key)),
        lambda: store.delete(key),
    ]
    for call in calls:
        with pytest.raises(UnsafeKeyError):
            call()


def test_a_lock_name_cannot_leave_the_workspace(store: ObjectStore) -> None:
    with pytest.raises(UnsafeKeyError), store.lock("../../outside"):
        pass


@given(st.text(max_size=12))
def test_a_safe_key_stays_below_its_root(key: str) -> None:
    try:
        checked_key(key)
    except UnsafeKeyError:
        return
    root = Path("/root/of/workspace")
    assert (root / key).resolve().is_relative_to(root)
    assert (root / key).relative_to(root).as_posix() == key


def test_a_store_can_be_pickled(store: ObjectStore) -> None:
    store.write("a/b", b"kept")
    copy = pickle.loads(pickle.dumps(store))
    assert copy.url == store.url
    assert copy.read("a/b") == b"kept"


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "a b", "é", "-x", "a.b"]), min_size=1, max_size=2).map(
            lambda steps: "/".join(["p", *steps, "leaf"])
        ),
        st.binary(max_size=50),
        max_size=6,
    )
)
def test_a_store_behaves_like_a_dictionary(store: ObjectStore, contents: dict[str, bytes]) -> None:
    for key in keys_of(store, "p"):
        store.delete(key)
    for key, data in contents.items():
        store.write(key, data)
    assert keys_of(store, "p") == sorted(contents)
    assert {key: store.read(key) for key in contents} == contents


class TestLinks:
    """Links are a local matter: a workspace must not be a door to the rest of the disk."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(b"secret")
        return outside

    def test_a_link_that_leads_out_is_refused(self, local_store: LocalStore, outside: Path) -> None:
        local_store.write("blobs/own", b"")
        (local_store.root / "blobs/file").symlink_to(outside / "secret")
        (local_store.root / "blobs/folder").symlink_to(outside)
        for key in ("blobs/file", "blobs/folder/secret", "blobs/folder/new"):
            for call in (local_store.read, local_store.open, local_store.delete):
                with pytest.raises(UnsafeKeyError) as caught:
                    call(key)
                assert key in caught.value.what
            with pytest.raises(UnsafeKeyError):
                local_store.write(key, b"changed")
        with pytest.raises(UnsafeKeyError):
            list(local_store.list("blobs/folder"))
        assert (outside / "secret").read_bytes() == b"secret"
        assert [path.name for path in outside.iterdir()] == ["secret"]

    def test_a_listing_does_not_follow_links_to_folders(
        self, local_store: LocalStore, outside: Path
    ) -> None:
        local_store.write("blobs/own", b"")
        (local_store.root / "blobs/folder").symlink_to(outside)
        (local_store.root / "blobs/loop").symlink_to(local_store.root)
        assert keys_of(local_store, "blobs") == ["blobs/own"]

    def test_a_link_inside_the_workspace_is_an_object(self, local_store: LocalStore) -> None:
        local_store.write("blobs/own", b"data")
        (local_store.root / "blobs/link").symlink_to("own")
        assert local_store.read("blobs/link") == b"data"

    def test_a_root_that_is_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "disk")
        LocalStore(tmp_path / "link").write("a/b", b"data")
        assert (tmp_path / "disk/a/b").read_bytes() == b"data"


class TestUnreachable:
    """What an operator sees when the object store does not play along."""

    @staticmethod
    def calls(store: S3Store) -> Iterator[None]:
        for call in (
            lambda: store.write("a", b""),
            lambda: store.create("a", b""),
            lambda: put(store, "a", b""),
            lambda: list(store.list("a")),
        ):
            with pytest.raises(StoreUnreachableError) as caught:
                call()
            assert store.url in caught.value.what
            assert "test-secret" not in str(caught.value)
            yield

    def test_a_bucket_that_is_not_there_is_named(self, s3_environment: None) -> None:
        assert len(list(self.calls(S3Store("no-such-bucket")))) == 4

    def test_a_server_that_does_not_answer_is_named(
        self, s3_environment: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        monkeypatch.setattr(
            "alignbench.workspace.stores.s3._CONFIG", Config(retries={"total_max_attempts": 1})
        )
        assert len(list(self.calls(S3Store("bucket")))) == 4


def test_what_is_private_is_the_operators_alone(tmp_path: Path) -> None:
    root = tmp_path / "private" / "workspace"
    (root / "private").mkdir(mode=0o755, parents=True)
    store = LocalStore(root)
    store.write("private/pseudonyms.json", b"[]")
    store.write("private/team/pages/team.html", b"")
    store.below("private/team").write("people.csv", b"")
    store.write("tables/part", b"")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert {modes[name] for name in ("team", "pages")} == {0o700}
    assert {modes[name] for name in ("pseudonyms.json", "team.html", "people.csv")} == {0o600}
    assert stat.S_IMODE((root / "private").stat().st_mode) == 0o700
    assert modes["part"] & 0o044 == 0o044
    assert modes["workspace"] & 0o055 == 0o055, "a folder above the workspace is not ours to close"


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from alignbench.workspace.stores import local
store = local.LocalStore(Path(sys.argv[1]))
with store.lock("caption"):
    local.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    store.write("tables/pairs/part", b"half")
"""


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "tables/pairs").mkdir(parents=True)
    store = LocalStore(tmp_path)
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    [left] = tmp_path.rglob(".tmp-*")
    with store.lock("split"):
        assert left.exists(), "it was not a run of this stage"
    with store._staged(tmp_path / "tables/images") as live, store.lock("caption"):
        assert not left.exists()
        assert Path(live.name).exists(), "somebody is writing it"
    assert not list(tmp_path.rglob(".tmp-*"))
