"""A disk that fills stops a stage with a message; once there is room, the same command goes on."""

import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.deaths import DiskFills, writes_counted
from tests.flows.question_stage_roads import QUESTION_STAGES
from tests.flows.roads import alignbench, contents, environment, new_workspace
from tests.flows.stage_roads import STAGES, Road, moments, state

MAY_MOUNT = ["unshare", "--mount", "--map-root-user"]

FILL_A_DISK = """
set -e
disk=$1; source=$2; room=$3; kept=$4; shift 4
mount -t tmpfs -o size=$room tmpfs "$disk"
cp -r "$source"/. "$disk"
export TMPDIR=$kept
code=0; "$@" || code=$?
echo "ended with $code" >&2
mount -o remount,size=200m "$disk"
"$@"
cp -r "$disk" "$kept"/workspace
"""
"""Runs a command on a disk that has not room enough, gives it more, and runs it again."""


def fills_at(road: Road, stage: str, number: int) -> None:
    address = road.before(stage)
    with writes_counted(DiskFills(number)), pytest.raises(OSError, match="No space") as stopped:
        road.run(stage, address)
    assert stopped.value.errno == errno.ENOSPC
    road.run(stage, address)
    assert state(address) == road.whole[stage], (stage, number)


@pytest.mark.parametrize("stage", ["ingest", "label"])
def test_a_stage_whose_disk_fills_goes_on_with_room(folder_road: Road, stage: str) -> None:
    for number in moments(folder_road.counts[stage], 2):
        fills_at(folder_road, stage, number)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_whose_disk_fills_at_any_write_goes_on_with_room(
    folder_road: Road, stage: str
) -> None:
    for number in range(folder_road.counts[stage]):
        fills_at(folder_road, stage, number)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", QUESTION_STAGES)
def test_a_stage_of_questions_whose_disk_fills_goes_on_with_room(
    question_road: Road, stage: str
) -> None:
    for number in range(question_road.counts[stage]):
        fills_at(question_road, stage, number)


def pages(folder: Path) -> int:
    """How many pages of 4 KiB the files of a folder take."""
    return sum(-(-file.stat().st_size // 4096) for file in folder.rglob("*") if file.is_file())


@pytest.mark.full
def test_a_real_disk_that_fills_is_told_with_a_code(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run([*MAY_MOUNT, "true"]).returncode:
        pytest.skip("this account may not mount a disk")
    fresh, whole, disk = new_workspace(tmp_path / "fresh"), tmp_path / "whole", tmp_path / "disk"
    shutil.copytree(fresh, whole)
    disk.mkdir()
    assert alignbench(whole, "ingest").returncode == 0
    verb = [str(Path(sys.executable).parent / "alignbench"), "-C", str(disk), "ingest"]
    for share in (0.1, 0.5, 0.9):
        room = f"{4 * int(pages(fresh) + share * (pages(whole) - pages(fresh)))}k"
        kept = tmp_path / room
        kept.mkdir()
        places = [str(disk), str(fresh), room, str(kept)]
        done = subprocess.run(
            [*MAY_MOUNT, "sh", "-c", FILL_A_DISK, "sh", *places, *verb],
            env=environment(None),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "AB-S03: [Errno 28]" in done.stderr
        assert "ended with 1" in done.stderr
        assert contents(kept / "workspace") == contents(whole)
