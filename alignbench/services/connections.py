"""Where the stages find the workspace's running servers."""

from dataclasses import dataclass, field
from pathlib import Path

from alignbench.services.credentials import read_credentials
from alignbench.services.errors import ServiceNotRunningError
from alignbench.services.lifecycle import status
from alignbench.services.state import ServiceName


@dataclass(frozen=True)
class Connection:
    """A Label Studio server and the token that opens it.

    Attributes:
        url: Its address, without a slash at the end.
        token: An API token of the operator's account.
    """

    url: str
    token: str = field(repr=False)


def label_studio_connection(root: Path) -> Connection:
    """The embedded Label Studio of the workspace at `root`.

    Raises:
        ServiceNotRunningError: It does not run.
        CredentialsError: Its credentials cannot be understood.
        ServiceStateError: Its `state.json` cannot be read.
    """
    [state] = status(root, [ServiceName.LABEL_STUDIO])
    credentials = read_credentials(root)
    if state.url is None or credentials is None:
        raise ServiceNotRunningError(
            f"The Label Studio of the workspace {root} is {state.status}.",
            f"Start it with `alignbench -C {root} services up`; its log is {state.log}.",
        )
    return Connection(state.url, credentials.token)


def prefect_api_url(root: Path) -> str | None:
    """What `PREFECT_API_URL` must be to use the workspace's Prefect server; None if it is down.

    Raises:
        ServiceStateError: Its `state.json` cannot be read.
    """
    [state] = status(root, [ServiceName.PREFECT])
    return None if state.url is None else f"{state.url}/api"
