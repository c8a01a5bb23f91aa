"""How the workspace's Prefect server is started."""

import importlib.util
import sys
from pathlib import Path

from alignbench.schemas.errors import MissingExtraError
from alignbench.services.launch import Endpoint, Launch, server_environment
from alignbench.services.state import LOOPBACK, ServiceName, make_service_folder


def prefect_endpoint(root: Path, port: int) -> Endpoint:  # noqa: ARG001 - as Label Studio's
    """Where the workspace's Prefect server answers on the given port."""
    url = f"http://{LOOPBACK}:{port}"
    return Endpoint(port=port, url=url, health_url=f"{url}/api/health")


def prefect_launch(root: Path, port: int) -> Launch:
    """The start of the workspace's Prefect server on the given port.

    Raises:
        MissingExtraError: Prefect is not installed.
    """
    if importlib.util.find_spec("prefect") is None:
        raise MissingExtraError(
            "Prefect is not installed.", "Run `pip install 'alignbench[pipeline]'`."
        )
    home = make_service_folder(root, ServiceName.PREFECT) / "home"
    settings = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_HOST": LOOPBACK,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
        # Loopback does not keep out the pages that the operator's own browser has open.
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": (
            f"http://{LOOPBACK}:{port},http://localhost:{port}"
        ),
    }
    return Launch(
        command=(
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", LOOPBACK, "--port", str(port)),
        ),
        environment=server_environment(settings),
    )
