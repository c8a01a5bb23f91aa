"""Workspaces with the demo's photographs, and the command line run on them as a person would."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alignbench.scenes.photographs import copy_inputs
from alignbench.schemas.tables import STAGE_RUNS, TABLES
from alignbench.workspace.workspace import open_workspace
from tests.fixtures.services import EmbeddedLabelStudio

CONFIG = (Path(__file__).parent / "photographs.toml").read_text()


def with_team(people: Sequence[str], answers: int = 3) -> str:
    """Returns the configuration with these people in the team, so many of them a sentence."""
    team = ", ".join(f'"{name}"' for name in people)
    config = CONFIG.replace('team = ["operator@localhost"]', f"team = [{team}]")
    return config.replace("annotators_per_sentence = 1", f"annotators_per_sentence = {answers}")


# Runs a command and kills its own process before the n-th write to the store.
KILL_BEFORE_WRITE = """
import os, signal, sys
from alignbench.workspace.stores.local import LocalStore
left = int(sys.argv.pop(1))
def counted(original):
    def call(*args):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)
    return call
LocalStore.write = counted(LocalStore.write)
LocalStore.create = counted(LocalStore.create)
from alignbench.cli import main
main()
"""


def new_workspace(root: Path, config: str = CONFIG) -> Path:
    """Makes a workspace with the sample photographs as its input."""
    root.mkdir(parents=True)
    copy_inputs(root / "inputs")
    (root / "alignbench.toml").write_text(config)
    return root


def environment(server: EmbeddedLabelStudio | None) -> dict[str, str]:
    """Returns the environment of a command that talks to this Label Studio and to no Prefect."""
    taken = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_WORKSPACE"))
    }
    if server is not None:
        taken |= {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": server.token}
    return taken


def alignbench(
    root: Path, *arguments: str, server: EmbeddedLabelStudio | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `alignbench` on a workspace."""
    return _run([str(Path(sys.executable).parent / "alignbench")], root, arguments, server)


def killed_before_write(
    number: int, root: Path, *arguments: str, server: EmbeddedLabelStudio
) -> bool:
    """Runs `alignbench` until just before its n-th write; False if it ended before that."""
    command = [sys.executable, "-c", KILL_BEFORE_WRITE, str(number)]
    done = _run(command, root, arguments, server)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def contents(root: Path | str, *, without: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Returns every table's current rows, sorted, without what differs from run to run."""
    left_out = {"created_at", "run_id", *without}
    found: dict[str, list[dict[str, Any]]] = {}
    workspace = open_workspace(root)
    for spec in TABLES:
        if spec is STAGE_RUNS:  # a run's own: when it was, how long it took
            continue
        names = [name for name in spec.schema.names if name not in left_out]
        rows = workspace.table(spec).read(names).to_pylist()
        found[spec.name] = sorted(rows, key=repr)
    return found


def _run(
    command: list[str],
    root: Path,
    arguments: tuple[str, ...],
    server: EmbeddedLabelStudio | None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "-C", str(root), *arguments],
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
