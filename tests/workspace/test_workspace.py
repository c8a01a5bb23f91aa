"""Opening a workspace, its blobs, and sending it to another process."""

import hashlib
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from alignbench.schemas.tables import PROMPTS, TABLES
from alignbench.workspace.blobs import EXTENSIONS, put_image
from alignbench.workspace.errors import NotAWorkspaceError
from alignbench.workspace.selection import Selection
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.workspace import CONFIG_KEY, Workspace, open_store, open_workspace
from tests.workspace.test_tables import prompt


def test_a_place_without_a_configuration_is_no_workspace(store: ObjectStore) -> None:
    with pytest.raises(NotAWorkspaceError, match="alignbench init") as caught:
        open_workspace(store.url)
    assert store.url in caught.value.what


def test_a_workspace_is_opened_by_its_address(store: ObjectStore) -> None:
    store.write(CONFIG_KEY, b"")
    workspace = open_workspace(store.url)
    assert workspace.url == store.url
    assert workspace.store.exists(CONFIG_KEY)


@pytest.mark.parametrize(
    ("address", "bucket", "prefix", "url"),
    [
        ("s3://bucket", "bucket", "", "s3://bucket"),
        ("s3://bucket/", "bucket", "", "s3://bucket"),
        ("s3://bucket/a/b/", "bucket", "a/b", "s3://bucket/a/b"),
    ],
)
def test_an_s3_address_is_bucket_and_prefix(
    address: str, bucket: str, prefix: str, url: str
) -> None:
    store = open_store(address)
    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix, store.url) == (bucket, prefix, url)


def test_a_bucket_without_prefix_holds_a_workspace(s3_store: S3Store) -> None:
    store = S3Store(s3_store.bucket)
    store.write("tables/x/part", b"data")
    assert [info.key for info in store.list("tables/x")] == ["tables/x/part"]
    store.delete("tables/x/part")


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("here")
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path.resolve() / "here"


def test_a_workspace_can_be_pickled(store: ObjectStore) -> None:
    workspace = Workspace(store)
    workspace.table(PROMPTS).append([prompt("a")], "run")
    assert workspace.table(PROMPTS).count() == 1
    copy = pickle.loads(pickle.dumps(workspace))
    copy.table(PROMPTS).append([prompt("b")], "run")
    assert workspace.table(PROMPTS).count() == 2


def test_a_workspace_has_every_table_once(store: ObjectStore) -> None:
    workspace = Workspace(store)
    assert [table.spec for table in workspace.tables()] == list(TABLES)
    assert workspace.table(PROMPTS) is workspace.table(PROMPTS)


@pytest.mark.parametrize("image_format", sorted(EXTENSIONS))
def test_an_image_is_stored_once_under_its_hash(store: ObjectStore, image_format: str) -> None:
    data = b"bytes of an image"
    digest = hashlib.sha256(data).hexdigest()
    key = put_image(store, data, image_format)[1]
    assert put_image(store, data, image_format) == (digest, key)
    assert key == f"blobs/images/{digest[:2]}/{digest}.{EXTENSIONS[image_format]}"
    assert [info.key for info in store.list("blobs/images")] == [key]
    assert store.read(key) == data


def test_a_selection_filters_by_generator_and_splitter() -> None:
    table = pa.table({"generator_id": ["g1", "g1", "g2"], "splitter_id": ["s1", "s2", "s1"]})
    selection = Selection(("g1",), "s1")
    assert table.filter(selection.pairs()).num_rows == 2
    assert table.filter(selection.sentences()).num_rows == 1
    assert table.filter(Selection((), "s1").pairs()).num_rows == 0
    assert table.filter(Selection(("g1",), None).sentences()).num_rows == 0
