"""What every run of a stage is given."""

from dataclasses import dataclass, field

from alignbench.engine.watching import Watcher
from alignbench.engine.workforce import Workforce
from alignbench.schemas.configuration.run_section import RunConfig
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True)
class RunContext:
    """What every run of a stage is given.

    Attributes:
        workspace: Where its tables and its lock are.
        settings: How work is cut up and when a run counts as failed.
        run_id: Stamped on every row.
        watcher: Who sees its commits.
        workforce: Who works on the items beside this process; nobody if None.
    """

    workspace: Workspace
    settings: RunConfig
    run_id: str
    watcher: Watcher = field(default_factory=Watcher)
    workforce: Workforce | None = None
