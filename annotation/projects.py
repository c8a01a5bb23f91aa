"""The projects on a Label Studio server that the tasks of a workspace were sent to."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import OtherServerError
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Project:
    """One project on one server, as the tables of one workspace know it.

    Attributes:
        workspace: Whose tables.
        server: Identity of the server, as in `LabelStudioServer.identity`.
        project_id: Its id on that server.
    """

    workspace: Workspace
    server: str
    project_id: int

    def filter(self) -> pc.Expression:
        """Returns the filter for its rows, in any table with `server` and `project_id`."""
        return (pc.field("server") == self.server) & (pc.field("project_id") == self.project_id)


def check_server(workspace: Workspace, tasks: pa.Table, server: str, url: str, fix: str) -> None:
    """Checks that a workspace whose tasks were sent has some on this server.

    Args:
        workspace: Whose tasks.
        tasks: All of them; column `server` is enough.
        server: Identity of the server.
        url: Its address, for the message.
        fix: What to do if this server is meant.

    Raises:
        OtherServerError: All tasks are on another server.
    """
    servers = set(pc.unique(tasks["server"]).to_pylist())
    if servers and server not in servers:
        raise OtherServerError(
            f"The tasks of {workspace.url} are not on Label Studio at {url}: they are on another "
            "server, or its database was replaced.",
            f"Set annotation.url to the server that they were sent to. {fix}",
        )
