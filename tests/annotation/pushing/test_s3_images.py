"""Images on S3 reach annotators by an address that the real Label Studio signs."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pyarrow.compute as pc
import pytest

from alignbench.annotation.errors import ImageStorageError
from alignbench.annotation.label_studio.accounts import create_annotator, token_of
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pushing.image_delivery import KEY_VARIABLES, SignedImages, image_delivery
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import IMAGES, TASKS
from alignbench.services import Connection
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.workspace import Workspace
from tests.annotation.push_stage import options, push_all
from tests.annotation.workspaces import Prepared, prepare
from tests.fixtures.s3 import BUCKET


def _on_s3(local: Prepared, prefix: str) -> Prepared:
    """The same workspace on S3."""
    store = S3Store(BUCKET, prefix)
    listed = (local.workspace.store.list(folder) for folder in ("tables", "blobs"))
    for found in (item for items in listed for item in items):
        store.write(found.key, local.workspace.store.read(found.key))
    return local._replace(workspace=Workspace(store))


@pytest.fixture(scope="module")
def server(label_studio_on_s3: Connection) -> LabelStudioServer:
    return connect(label_studio_on_s3.url, label_studio_on_s3.token)


@pytest.fixture
def on_s3(s3_environment: None, tmp_path: Path) -> Prepared:
    return _on_s3(prepare(tmp_path, images=1), tmp_path.name)


def test_an_annotator_gets_the_image_by_a_signed_address_and_a_stranger_does_not(
    on_s3: Prepared, server: LabelStudioServer
) -> None:
    assert push_all(on_s3, server, replace(options(), storage="s3")) == 3
    [image] = on_s3.workspace.table(IMAGES).rows()
    task = next(on_s3.workspace.table(TASKS).rows(pc.field("task_id").is_valid()))
    shown = _shown(server, task, _annotator(server))
    assert shown.content == on_s3.workspace.store.read(image.blob)
    address = shown.history[-1].headers["location"]
    assert "Signature=" in address or "X-Amz-Signature=" in address
    stranger = httpx.get(str(shown.history[0].url), follow_redirects=False)
    assert stranger.status_code in (401, 403)


def test_a_second_push_makes_no_second_storage(on_s3: Prepared, server: LabelStudioServer) -> None:
    push_all(on_s3, server, replace(options(tasks_per_project=2), storage="s3"))
    for row in on_s3.workspace.table(TASKS).rows():
        SignedImages(on_s3.workspace.store).allow(server, row.project_id)  # type: ignore[arg-type]
        storages = server._transport.sdk.import_storage.s3.list(project=row.project_id)
        assert len(storages) == 1


def test_half_a_key_is_refused(
    on_s3: Prepared, server: LabelStudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLES[0], "reader")
    with pytest.raises(ImageStorageError, match=r"AB-A09.*one is set"):
        SignedImages(on_s3.workspace.store).allow(server, 1)  # type: ignore[arg-type]


def test_a_storage_that_does_not_fit_the_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageStorageError, match=r"are files"):
        image_delivery(LocalStore(tmp_path), "s3")
    with pytest.raises(ImageStorageError, match=r"storage = 's3'"):
        image_delivery(S3Store(BUCKET, "x"), "local")


def _annotator(server: LabelStudioServer) -> str:
    create_annotator(server.url, server.invitation(), "ann@example.org", "a long password")
    return token_of(server.url, "ann@example.org", "a long password")


def _shown(server: LabelStudioServer, task: Task, token: str) -> httpx.Response:
    """What a browser gets that opens the task and follows the image's address."""
    headers = {"Authorization": f"Token {token}"}
    data: Any = httpx.get(f"{server.url}/api/tasks/{task.task_id}/", headers=headers).json()["data"]
    with httpx.Client(follow_redirects=True, headers=headers) as client:
        return client.get(urljoin(server.url, data["image"]))
