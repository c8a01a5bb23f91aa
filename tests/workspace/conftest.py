"""Both stores, ready to use: a folder, and a bucket of an S3 server."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.store import ObjectStore
from tests.fixtures.s3 import BUCKET


@pytest.fixture
def s3_store(s3_environment: None, s3_client: Any) -> S3Store:
    return S3Store(BUCKET, f"runs/{uuid.uuid4().hex}", s3_client)


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "workspace")


@pytest.fixture(params=["local", "s3"])
def new_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], ObjectStore]:
    """Makes empty stores, as many as a test asks for."""
    if request.param == "local":
        return lambda: LocalStore(tmp_path_factory.mktemp("workspace"))
    request.getfixturevalue("s3_environment")
    client = request.getfixturevalue("s3_client")
    return lambda: S3Store(BUCKET, f"runs/{uuid.uuid4().hex}", client)


@pytest.fixture
def store(new_store: Callable[[], ObjectStore]) -> ObjectStore:
    return new_store()
