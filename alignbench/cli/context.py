"""What every verb is given, and what it does to the environment before servers are used."""

import os
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UsageError


@dataclass(frozen=True)
class Context:
    """The workspace that a command is about: a folder, or `s3://bucket/prefix`."""

    workspace: str

    @property
    def folder(self) -> Path:
        """The workspace as a local folder.

        Raises:
            UsageError: The workspace is on S3.
        """
        if self.workspace.startswith("s3://"):
            raise UsageError(
                f"{self.workspace} is on S3; local services need a workspace in a folder.",
                "Run the servers of docker-compose.yml, and set PREFECT_API_URL and "
                "LABEL_STUDIO_URL.",
            )
        return Path(self.workspace)


def use_local_services(context: Context) -> None:
    """Points this process at the workspace's running services, where nothing else is configured.

    Must run before Prefect is imported, which reads its settings then. The servers' own variables
    win: an operator who set `PREFECT_API_URL` or `LABEL_STUDIO_URL` means it.
    """
    _quiet_prefect()
    if context.workspace.startswith("s3://"):
        return
    from alignbench.services import ServiceName, label_studio_connection, prefect_api_url, status

    root = context.folder
    url = prefect_api_url(root)
    if url is not None:
        os.environ.setdefault("PREFECT_API_URL", url)
    [label_studio] = status(root, [ServiceName.LABEL_STUDIO])
    if label_studio.url is not None and "LABEL_STUDIO_URL" not in os.environ:
        connection = label_studio_connection(root)
        os.environ["LABEL_STUDIO_URL"] = connection.url
        os.environ["LABEL_STUDIO_API_KEY"] = connection.token


def _quiet_prefect() -> None:
    """Keeps Prefect from calling home and from writing its log between our lines."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
