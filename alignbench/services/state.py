"""What is known of a workspace's services, and where it is kept.

<workspace>/services/            only its owner can enter (0700)
    .lock                        held by whoever starts or stops services
    <name>/state.json            the port, and the process if one was started
    <name>/server.log            what the server printed since its last start
    <name>/server.log.1          what it printed before that
    label-studio/credentials.json
"""

import enum
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from alignbench.schemas.paths import real_path
from alignbench.services.errors import ServiceStateError
from alignbench.services.process import ServerProcess

LOOPBACK = "127.0.0.1"


class ServiceName(enum.StrEnum):
    """The services a workspace can have, named as their folders are."""

    PREFECT = "prefect"
    LABEL_STUDIO = "label-studio"


class ServiceStatus(enum.StrEnum):
    """What a service is doing; `died` is a server that ended without being stopped."""

    RUNNING = "running"
    STOPPED = "stopped"
    DIED = "died"


@dataclass(frozen=True)
class ServiceState:
    """One service as `services status` shows it.

    Attributes:
        name: Which service.
        status: What it is doing.
        url: Where it answers; None unless it is running.
        pid: Its process, which leads a process group of its own; None unless it is running.
        log: Where it prints to; absent before the first start.
    """

    name: ServiceName
    status: ServiceStatus
    url: str | None
    pid: int | None
    log: Path


@dataclass(frozen=True)
class ServiceRecord:
    """The content of `state.json`.

    Attributes:
        port: The port last used, tried first at the next start.
        url: The address on that port.
        process: The process started last; None once it was stopped.
    """

    port: int
    url: str
    process: ServerProcess | None


def services_folder(root: Path) -> Path:
    """The folder of all services of the workspace at `root`."""
    return real_path(root) / "services"


def service_folder(root: Path, name: ServiceName) -> Path:
    """The folder of one service of the workspace at `root`."""
    return services_folder(root) / name


def log_path(root: Path, name: ServiceName) -> Path:
    """Where a service prints to."""
    return service_folder(root, name) / "server.log"


def make_service_folder(root: Path, name: ServiceName) -> Path:
    """Makes a service's folder, closed to other users of the machine, and returns it."""
    services = services_folder(root)
    services.mkdir(mode=0o700, parents=True, exist_ok=True)
    services.chmod(0o700)
    folder = service_folder(root, name)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return folder


def read_record(root: Path, name: ServiceName) -> ServiceRecord | None:
    """What `state.json` says; None if the service was never started.

    Raises:
        ServiceStateError: The file is there and is not one that this program wrote.
    """
    path = service_folder(root, name) / "state.json"
    try:
        content = json.loads(path.read_bytes())
        process = content.pop("process")
        return ServiceRecord(**content, process=ServerProcess(**process) if process else None)
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServiceStateError(
            f"{path} is not a service's state ({error}).",
            f"Check with `ps` whether a {name} server of this workspace runs, end it, and delete "
            "the file.",
        ) from error


def write_record(root: Path, name: ServiceName, record: ServiceRecord) -> None:
    """Replaces `state.json` in one step."""
    path = service_folder(root, name) / "state.json"
    draft = path.with_suffix(".json.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
