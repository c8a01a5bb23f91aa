"""A million sentences: each command goes through, what it gives is whole, memory stays bounded.

How long each takes is told by `benchmarks.million_rows`, whose workspace and limits these are.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alignbench.release.verify.verify import verify
from alignbench.schemas.tables import ASSIGNMENTS, LABELS
from alignbench.workspace.workspace import open_workspace
from benchmarks.million_rows import (
    COMMANDS,
    PLANNING,
    STEPS,
    TARGETS,
    VOTES,
    made_workspace,
    measured_command,
)

pytestmark = [pytest.mark.full, pytest.mark.timeout(7200)]

SENTENCES = 1_000_000
PART_ROWS = 50_000


def test_every_command_is_whole_and_bounded(tmp_path: Path) -> None:
    root = made_workspace(tmp_path, SENTENCES, PART_ROWS)
    peaks: dict[str, float] = {}
    for name in (*COMMANDS, *STEPS):
        done = measured_command(root, name)
        peaks[name] = done.peak_mb
        CHECKS.get(name, nothing_more)(root, done.output)
    limits = {name: TARGETS.get(name, PLANNING).megabytes for name in peaks}
    assert {name: mb for name, mb in peaks.items() if mb > limits[name]} == {}


def nothing_more(_: Path, __: str) -> None:
    """A step that failed has ended the test."""


def status_counts_all(_: Path, output: str) -> None:
    assert f"{VOTES * SENTENCES:,}" in output, "each answer"


def nothing_is_to_do(_: Path, output: str) -> None:
    assert "nothing to do" in output


def each_has_a_label(root: Path, _: str) -> None:
    assert open_workspace(root).table(LABELS).count() == SENTENCES


def each_is_released_or_left_out(root: Path, _: str) -> None:
    (manifest,) = root.glob("releases/*/*/release.json")
    counts = json.loads(manifest.read_text())["counts"]
    left_out = sum(value for value in counts["left_out"].values() if isinstance(value, int))
    assert counts["sentences"] + left_out == SENTENCES
    assert counts["sentences"] > 0.9 * SENTENCES
    assert verify(manifest.parent).ok


def each_is_dealt_to_three(root: Path, _: str) -> None:
    assert open_workspace(root).table(ASSIGNMENTS).count() == VOTES * SENTENCES


CHECKS: dict[str, Callable[[Path, str], None]] = {
    "status": status_counts_all,
    "split, nothing to do": nothing_is_to_do,
    "label": each_has_a_label,
    "release": each_is_released_or_left_out,
    "deal": each_is_dealt_to_three,
}
