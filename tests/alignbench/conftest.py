from pathlib import Path

import pytest

from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.workspace.stores.local import LocalStore
from tests.release.benchmark import CONFIG, make_workspace, released_folder


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one small release, which tests must not change."""
    workspace, rows = make_workspace(LocalStore(tmp_path_factory.mktemp("released")))
    compute_labels(workspace, rows.selection, "run-1")
    build_release(workspace, rows.selection, CONFIG)
    return released_folder(workspace)
