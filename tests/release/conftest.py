from pathlib import Path

import pytest

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import CONFIG, RESOLVED, Rows, make_workspace, released_folder


@pytest.fixture
def workspace_and_rows(tmp_path: Path) -> tuple[Workspace, Rows]:
    return make_workspace(LocalStore(tmp_path / "workspace"))


@pytest.fixture
def workspace(workspace_and_rows: tuple[Workspace, Rows]) -> Workspace:
    return workspace_and_rows[0]


@pytest.fixture
def rows(workspace_and_rows: tuple[Workspace, Rows]) -> Rows:
    return workspace_and_rows[1]


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one release, which tests must not change."""
    workspace, rows = make_workspace(LocalStore(tmp_path_factory.mktemp("released")))
    compute_labels(workspace, rows.selection, "run-1")
    config = CONFIG.model_copy(update={"figures": True})
    build_release(workspace, rows.selection, config, RESOLVED)
    return released_folder(workspace)
