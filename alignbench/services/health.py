"""Waiting until started servers answer, and saying why one does not."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alignbench.schemas.errors import MissingExtraError
from alignbench.services.errors import CredentialsError, ServiceDiedError, ServiceTimeoutError
from alignbench.services.launch import Endpoint
from alignbench.services.process import end, is_alive
from alignbench.services.state import ServiceName, log_path, read_record

if TYPE_CHECKING:
    import httpx

_POLL_SECONDS = 0.2
_REQUEST_SECONDS = 5.0
_TAIL_LINES = 20
_TAIL_BYTES = 8192


def wait_until_healthy(
    root: Path, endpoints: Mapping[ServiceName, Endpoint], timeout_seconds: float
) -> None:
    """Returns when every server answers its health address with 200.

    Raises:
        ServiceDiedError: A server ended first.
        ServiceTimeoutError: A server stayed silent; it was ended, the others run on.
        CredentialsError: Label Studio does not accept the stored token.
        MissingExtraError: httpx is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError(
            "The package httpx is not installed.", "Run `pip install 'alignbench[pipeline]'`."
        ) from error

    deadline = time.monotonic() + timeout_seconds
    waiting = dict(endpoints)
    # A proxy named in the environment has no part in loopback traffic.
    with httpx.Client(trust_env=False, timeout=_REQUEST_SECONDS) as client:
        while waiting:
            for name, endpoint in list(waiting.items()):
                _raise_if_dead(root, name, endpoint)
                if _answers(client, root, endpoint):
                    del waiting[name]
            if waiting and time.monotonic() > deadline:
                name, endpoint = next(iter(waiting.items()))
                _give_up(root, name, endpoint, timeout_seconds)
            if waiting:
                time.sleep(_POLL_SECONDS)


def _answers(client: "httpx.Client", root: Path, endpoint: Endpoint) -> bool:
    import httpx

    try:
        response = client.get(endpoint.health_url, headers=dict(endpoint.health_headers))
    except httpx.TransportError:
        return False
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise CredentialsError(
            f"The server at {endpoint.url} does not accept the token of the workspace {root}.",
            "Restore services/label-studio/credentials.json as it was when Label Studio's "
            "database was made, or move services/label-studio away to start with an empty one "
            "(its projects and answers go with it).",
        )
    return response.status_code == httpx.codes.OK


def _raise_if_dead(root: Path, name: ServiceName, endpoint: Endpoint) -> None:
    record = read_record(root, name)
    if record and record.process and is_alive(record.process):
        return
    raise ServiceDiedError(
        f"The {name} server ended before it answered.{_log_tail(root, name, endpoint)}",
        f"Read {log_path(root, name)}, fix what it names, and run `services up` again.",
    )


def _give_up(root: Path, name: ServiceName, endpoint: Endpoint, timeout_seconds: float) -> None:
    record = read_record(root, name)
    if record and record.process:
        end(record.process)
    raise ServiceTimeoutError(
        f"The {name} server did not answer at {endpoint.url} within {timeout_seconds:g} s and was "
        f"ended.{_log_tail(root, name, endpoint)}",
        f"Read {log_path(root, name)}; if the machine is only slow, run `services up` again.",
    )


def _log_tail(root: Path, name: ServiceName, endpoint: Endpoint) -> str:
    """The log's last lines, introduced, for a message; secrets blanked in case a server prints."""
    path = log_path(root, name)
    with path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(0, size - _TAIL_BYTES))
        text = log.read().decode("utf-8", errors="replace")
    for secret in endpoint.secrets:
        text = text.replace(secret, "[secret]")
    lines = text.splitlines()[-_TAIL_LINES:]
    if not lines:
        return f" Its log {path} is empty."
    return f" The end of its log {path}:\n" + "\n".join(f"  {line}" for line in lines) + "\n"
