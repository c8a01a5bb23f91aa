"""The projects on a Label Studio server that the tasks of a workspace were sent to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import OtherServerError
from alignbench.annotation.rounds.forms import round_units
from alignbench.annotation.units.given import AnswerRow
from alignbench.schemas.tables import ANNOTATIONS, RATINGS, VARIANT_CHECKS, TableSpec
from alignbench.schemas.vocabulary import AnnotationUnit
from alignbench.workspace.workspace import Workspace

ANSWER_TABLES: Final[Mapping[AnnotationUnit, TableSpec[Any]]] = {
    AnnotationUnit.SENTENCE: ANNOTATIONS,
    AnnotationUnit.CAPTION: ANNOTATIONS,
    AnnotationUnit.RESPONSE: RATINGS,
    AnnotationUnit.VARIANT: VARIANT_CHECKS,
}
"""Where believed answers are, by what was asked about."""


@dataclass(frozen=True, slots=True)
class Project:
    """One project on one server, as the tables of one workspace know it.

    Attributes:
        workspace: Whose tables.
        server: Identity of the server, as in `LabelStudioServer.identity`.
        project_id: Its id on that server.
        unit: What its tasks ask about.
    """

    workspace: Workspace
    server: str
    project_id: int
    unit: AnnotationUnit = AnnotationUnit.SENTENCE

    @property
    def answers(self) -> TableSpec[AnswerRow]:
        """The table that its answers are in, once they are believed."""
        return ANSWER_TABLES[self.unit]

    def filter(self) -> pc.Expression:
        """Returns the filter for its rows, in any table with `server` and `project_id`."""
        return (pc.field("server") == self.server) & (pc.field("project_id") == self.project_id)


def projects_of(workspace: Workspace, server: str, tasks: pa.Table) -> list[Project]:
    """Returns the projects of tasks, by id, each with what it asks about.

    Args:
        workspace: Whose tasks.
        server: Identity of the server that they are on.
        tasks: With `project_id` and `round`; a project is of one round.
    """
    units = round_units(workspace)
    names = (tasks[name].to_pylist() for name in ("project_id", "round"))
    round_of = dict(zip(*names, strict=True))
    return [
        Project(workspace, server, project_id, units.get(of_round, AnnotationUnit.SENTENCE))
        for project_id, of_round in sorted(round_of.items())
    ]


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
