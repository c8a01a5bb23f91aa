"""What every verb is given, and what it does to the environment before servers are used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alignbench.engine.watching import Watcher
from alignbench.schemas.errors import UsageError
from alignbench.schemas.paths import real_path
from alignbench.terminal.json_log import JsonLog
from alignbench.terminal.output import TerminalProgress, keep_for_document


@dataclass(frozen=True)
class Context:
    """The workspace that a command is about: a folder, or `s3://bucket/prefix`.

    Attributes:
        workspace: Its address, as it was given.
        logs_json: Whether runs are told as lines of JSON instead of a progress bar.
    """

    workspace: str
    logs_json: bool = False

    def watcher(self, *, quiet: bool = False) -> Watcher:
        """Returns who shows the runs of this command.

        Args:
            quiet: Whether a script gets the reports as JSON at the end.
        """
        return JsonLog() if self.logs_json else TerminalProgress(quiet=quiet)

    @contextmanager
    def runs_shown(self, *, as_json: bool = False) -> Iterator[None]:
        """Shows the runs that start meanwhile.

        Args:
            as_json: Whether standard output is one JSON document: then whatever libraries print
                goes to standard error, until the command ends.
        """
        from alignbench.flows.runs.watching import shown_by

        if as_json:
            keep_for_document()
        with shown_by(self.watcher(quiet=as_json)):
            yield

    @property
    def address(self) -> str:
        """The workspace as flows take it: an absolute path, or `s3://bucket/prefix`."""
        return self.workspace if self._is_remote else str(real_path(self.workspace))

    @property
    def _is_remote(self) -> bool:
        return self.workspace.startswith("s3://")

    @property
    def folder(self) -> Path:
        """The workspace as a local folder.

        Raises:
            UsageError: The workspace is on S3.
        """
        if self._is_remote:
            raise UsageError(
                f"{self.workspace} is on S3; local services need a workspace in a folder.",
                "Run the servers of docker-compose.yml, and set PREFECT_API_URL and "
                "LABEL_STUDIO_URL.",
            )
        return Path(self.workspace)


def use_local_services(context: Context) -> None:
    """Tells this process of the workspace's running services.

    Must run before Prefect is imported, which reads its settings then. A server that the operator
    configured wins: `PREFECT_API_URL` is left as it is, and the embedded Label Studio goes by
    variables of its own, so that its token is never sent to another server, nor the other way
    round.
    """
    _quiet_prefect()
    if context.workspace.startswith("s3://"):
        return
    from alignbench.flows.asking.label_studio import EMBEDDED_TOKEN, EMBEDDED_URL
    from alignbench.services import ServiceName, label_studio_connection, prefect_api_url, status

    root = context.folder
    url = prefect_api_url(root)
    if url is not None:
        os.environ.setdefault("PREFECT_API_URL", url)
    [label_studio] = status(root, [ServiceName.LABEL_STUDIO])
    if label_studio.url is not None:
        connection = label_studio_connection(root)
        os.environ[EMBEDDED_URL] = connection.url
        os.environ[EMBEDDED_TOKEN] = connection.token


def use_only_local_services(context: Context) -> None:
    """Leaves whatever servers the environment names alone, and uses the workspace's own."""
    for name in ("PREFECT_API_URL", "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        os.environ.pop(name, None)
    use_local_services(context)


def _quiet_prefect() -> None:
    """Keeps Prefect from calling home and from writing its log between our lines."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
