"""`services up`, `down` and `status`: the local servers of a workspace, started together."""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from alignbench.services.health import wait_until_healthy
from alignbench.services.label_studio import label_studio_endpoint, label_studio_launch
from alignbench.services.launch import Endpoint, Launch
from alignbench.services.ports import choose_port
from alignbench.services.prefect_server import prefect_endpoint, prefect_launch
from alignbench.services.process import end, is_alive, spawn
from alignbench.services.state import (
    ServiceName,
    ServiceRecord,
    ServiceState,
    ServiceStatus,
    log_path,
    make_service_folder,
    read_record,
    services_folder,
    write_record,
)

ALL_SERVICES = tuple(ServiceName)

_ENDPOINTS: dict[ServiceName, Callable[[Path, int], Endpoint]] = {
    ServiceName.PREFECT: prefect_endpoint,
    ServiceName.LABEL_STUDIO: label_studio_endpoint,
}
_LAUNCHES: dict[ServiceName, Callable[[Path, int], Launch]] = {
    ServiceName.PREFECT: prefect_launch,
    ServiceName.LABEL_STUDIO: label_studio_launch,
}


def up(
    root: Path, names: Sequence[ServiceName] = ALL_SERVICES, timeout_seconds: float = 180.0
) -> list[ServiceState]:
    """Starts the services that do not run, all at once, and waits until each of them answers.

    A service that runs is left as it is. The servers outlive this process. Only one `up` or `down`
    of a workspace acts at a time; others wait for it.

    Args:
        root: The workspace's root, a local folder.
        names: Which services.
        timeout_seconds: How long to wait; Label Studio's first start takes most of a minute.

    Returns:
        Their states, in the order of `names`.

    Raises:
        LabelStudioNotInstalledError: No Python with Label Studio was found.
        MissingExtraError: Prefect is not installed.
        ServiceDiedError: A server ended before it answered.
        ServiceTimeoutError: A server did not answer in time; it was ended.
        CredentialsError: Label Studio's credentials are unreadable, or it does not accept them.
        ServiceStateError: A `state.json` cannot be read.
    """
    with _sole_access(root):
        ports = _ports(root, names)
        endpoints = {name: _ENDPOINTS[name](root, ports[name]) for name in names}
        # All of them before the first start, so that a missing program leaves nothing half up.
        launches = {
            name: _LAUNCHES[name](root, ports[name])
            for name in names
            if not _is_running(root, name)
        }
        for name, launch in launches.items():
            _start(root, name, launch, endpoints[name])
        wait_until_healthy(root, endpoints, timeout_seconds)
        return status(root, names)


def down(root: Path, names: Sequence[ServiceName] = ALL_SERVICES) -> list[ServiceState]:
    """Ends the servers that `up` started for this workspace, and no other process.

    Raises:
        ServiceStateError: A `state.json` cannot be read.
    """
    if not services_folder(root).is_dir():
        return status(root, names)
    with _sole_access(root):
        for name in names:
            record = read_record(root, name)
            if record is None or record.process is None:
                continue
            end(record.process)
            write_record(root, name, replace(record, process=None))
        return status(root, names)


def status(root: Path, names: Sequence[ServiceName] = ALL_SERVICES) -> list[ServiceState]:
    """What the services are doing; changes nothing.

    Raises:
        ServiceStateError: A `state.json` cannot be read.
    """
    return [_state(root, name) for name in names]


def _state(root: Path, name: ServiceName) -> ServiceState:
    log = log_path(root, name)
    record = read_record(root, name)
    if record is None or record.process is None:
        return ServiceState(name, ServiceStatus.STOPPED, None, None, log)
    if not is_alive(record.process):
        return ServiceState(name, ServiceStatus.DIED, None, None, log)
    return ServiceState(name, ServiceStatus.RUNNING, record.url, record.process.pid, log)


def _is_running(root: Path, name: ServiceName) -> bool:
    return _state(root, name).status is ServiceStatus.RUNNING


def _ports(root: Path, names: Sequence[ServiceName]) -> dict[ServiceName, int]:
    """The port each service has, or is to have."""
    records = {name: read_record(root, name) for name in ALL_SERVICES}
    remembered = {name: record.port for name, record in records.items() if record is not None}
    ports = {name: port for name, port in remembered.items() if _is_running(root, name)}
    for name in names:
        if name not in ports:
            ports[name] = choose_port(remembered.get(name), set(ports.values()))
    return ports


def _start(root: Path, name: ServiceName, launch: Launch, endpoint: Endpoint) -> None:
    folder = make_service_folder(root, name)
    process = spawn(launch.command, launch.environment, folder, log_path(root, name))
    # Written before anything else can fail: a server without a record could never be ended.
    write_record(root, name, ServiceRecord(endpoint.port, endpoint.url, process))


@contextmanager
def _sole_access(root: Path) -> Iterator[None]:
    """Holds the lock of the workspace's services; the kernel frees it however we end."""
    services = services_folder(root)
    services.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (services / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
