"""One run: the workspace it works in, the configuration it goes by, and its id."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from alignbench.engine.context import RunContext
from alignbench.flows.runs.orchestration import flow_run_id
from alignbench.flows.runs.ray_workers import ray_workforce
from alignbench.flows.runs.watching import run_watcher
from alignbench.schemas.configuration.config import (
    Config,
    configuration_folder,
    decode_config,
    parse_config,
)
from alignbench.schemas.protocols import Surroundings
from alignbench.workspace.workspace import CONFIG_KEY, Workspace, open_workspace


@dataclass(frozen=True)
class Run:
    """What every stage is given.

    Attributes:
        workspace: Where data is read and written.
        config: The workspace's configuration.
        folder: What relative paths in the configuration are relative to.
        run_id: Stamped on every row that this run writes: the Prefect flow run's id, or a new one.
    """

    workspace: Workspace
    config: Config
    folder: Path
    run_id: str

    def surroundings(self, name: str) -> Surroundings:
        """Returns what a plug-in of that name is told about where it finds itself."""
        return Surroundings(name, self.folder, self.config.run.allow_private_addresses)

    @property
    def context(self) -> RunContext:
        """What the engine is given."""
        settings = self.config.run
        return RunContext(
            self.workspace, settings, self.run_id, run_watcher(), ray_workforce(settings)
        )


def open_run(address: str) -> Run:
    """Opens the workspace at a path or `s3://bucket/prefix` and reads its configuration.

    Raises:
        NotAWorkspaceError: There is no `alignbench.toml` at that place.
        ConfigError: The configuration has a mistake.
    """
    workspace = open_workspace(address)
    where = f"{workspace.url}/{CONFIG_KEY}"
    config = parse_config(decode_config(workspace.store.read(CONFIG_KEY), where), where)
    run_id = flow_run_id() or uuid.uuid4().hex
    return Run(workspace, config, configuration_folder(workspace.url), run_id)
