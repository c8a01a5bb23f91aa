"""How the embedded Label Studio is found and started.

It is a server with a gigabyte of dependencies of its own, so it lives in a virtual environment of
its own and is never imported here.
"""

import os
import sys
from pathlib import Path

from alignbench.schemas.paths import real_path
from alignbench.services.credentials import LabelStudioCredentials, ensure_credentials
from alignbench.services.errors import LabelStudioNotInstalledError
from alignbench.services.launch import Endpoint, Launch, server_environment
from alignbench.services.state import LOOPBACK, ServiceName, make_service_folder

PYTHON_VARIABLE = "ALIGNBENCH_LABEL_STUDIO_PYTHON"

GUARD_VARIABLE = "ALIGNBENCH_LABEL_STUDIO_GUARD"
"""`off` starts the embedded Label Studio without the guard."""

_GUARD_FOLDER = Path(__file__).parent / "label_studio_guard"


def served_folder(root: Path) -> Path:
    """The only folder whose files Label Studio may show: the workspace's images."""
    return real_path(root) / "blobs" / "images"


def label_studio_python() -> Path:
    """The Python that has Label Studio: the variable's, else `.venv-label-studio` beside ours.

    Raises:
        LabelStudioNotInstalledError: There is none.
    """
    beside = Path(sys.prefix).parent / ".venv-label-studio" / "bin" / "python"
    named = os.environ.get(PYTHON_VARIABLE)
    python = Path(named) if named else beside
    if python.is_file():
        return python.absolute()
    raise LabelStudioNotInstalledError(
        f"There is no {python} to run Label Studio with.",
        f"Run `make label-studio`; or `python3 -m venv {beside.parents[1]}` and "
        f"`{beside.parent / 'pip'} install label-studio==1.23.2`; or name a Python that has "
        f"Label Studio in {PYTHON_VARIABLE}.",
    )


def label_studio_endpoint(root: Path, port: int) -> Endpoint:
    """Where the workspace's Label Studio answers on the given port.

    Raises:
        CredentialsError: The stored credentials cannot be understood.
    """
    credentials = ensure_credentials(root)
    url = f"http://{LOOPBACK}:{port}"
    return Endpoint(
        port=port,
        url=url,
        # Answers only to the token, so it proves that this server is this workspace's.
        health_url=f"{url}/api/current-user/whoami",
        health_headers={"Authorization": f"Token {credentials.token}"},
        secrets=(credentials.password, credentials.token, credentials.secret_key),
    )


def label_studio_launch(root: Path, port: int) -> Launch:
    """The start of the workspace's Label Studio on the given port, its account made if need be.

    Raises:
        LabelStudioNotInstalledError: No Python with Label Studio was found.
        CredentialsError: The stored credentials cannot be understood.
    """
    python = label_studio_python()
    credentials = ensure_credentials(root)
    served_folder(root).mkdir(parents=True, exist_ok=True)
    return Launch(
        command=(
            # `--debug` only forbids moving on to another port when this one is taken.
            *(str(python), "-m", "label_studio.server", "start", "--no-browser", "--debug"),
            *("--internal-host", LOOPBACK, "--port", str(port), "--log-level", "WARNING"),
        ),
        environment=server_environment(_settings(root, credentials)),
    )


def _settings(root: Path, credentials: LabelStudioCredentials) -> dict[str, str]:
    data = make_service_folder(root, ServiceName.LABEL_STUDIO) / "data"
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_DJANGO_DB": "sqlite",
        "LABEL_STUDIO_USERNAME": credentials.username,
        "LABEL_STUDIO_PASSWORD": credentials.password,
        "LABEL_STUDIO_USER_TOKEN": credentials.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "SECRET_KEY": credentials.secret_key,
        # A storage must lie below the document root, so the root is the images' parent.
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(served_folder(root).parent),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        # Loopback does not keep out the pages that the operator's own browser has open.
        "LABEL_STUDIO_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "LABEL_STUDIO_CORS_ALLOW_ALL_ORIGINS": "false",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        **_guard_settings(),
    }


def _guard_settings() -> dict[str, str]:
    """What makes the server load the guard, which keeps annotators to labelling."""
    if os.environ.get(GUARD_VARIABLE) == "off":
        return {}
    return {
        "PYTHONPATH": str(_GUARD_FOLDER),
        "DJANGO_SETTINGS_MODULE": "alignbench_guard.settings",
    }
