"""Both stores, ready to use: a folder, and a bucket of moto's S3 server over HTTP."""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from workspace.local import LocalStore
from workspace.s3 import S3Store
from workspace.store import ObjectStore

BUCKET = "alignbench-tests"


class OneAtATime:
    """A WSGI application that answers one request at a time.

    S3 decides a conditional PUT in one step; moto looks first and writes then, so that between its
    threads two writers could both win.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._turn:
            return list(self._application(environ, start_response))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str) -> Any:
    """One client for most tests, since boto3 takes a while to make one; and the bucket."""
    with pytest.MonkeyPatch.context() as patch:
        _set_environment(patch, s3_endpoint)
        client = S3Store(BUCKET).client
        client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def s3_environment(s3_client: Any, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and endpoint the way an operator gives them, and a bucket."""
    _set_environment(monkeypatch, s3_endpoint)


def _set_environment(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    patch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)


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
