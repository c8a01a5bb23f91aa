"""Whatever bit is flipped, `verify` reports it and never breaks down."""

import random
import shutil
from pathlib import Path

import pytest

from alignbench.release.verify.report import Rule
from alignbench.release.verify.verify import verify
from tests.release.corruption import reseal

FLIPS = 40


def flipped(source: Path, folder: Path, seed: int) -> str:
    """Copies a release with one bit of one file changed; returns the file."""
    shutil.copytree(source, folder)
    order = random.Random(seed)
    path = order.choice(sorted(p for p in folder.rglob("*") if p.suffix in (".parquet", ".json")))
    data = bytearray(path.read_bytes())
    data[order.randrange(len(data))] ^= 1 << order.randrange(8)
    path.write_bytes(data)
    return path.relative_to(folder).as_posix()


@pytest.mark.parametrize("seed", range(FLIPS))
def test_any_flipped_bit_is_reported(released: Path, tmp_path: Path, seed: int):
    path = flipped(released, tmp_path / "copy", seed)
    found = {(finding.file, finding.rule) for finding in verify(tmp_path / "copy").findings}
    assert (path, Rule.FILE_CHANGED) in found


@pytest.mark.parametrize("seed", range(FLIPS))
def test_a_flipped_bit_under_fitting_checksums_is_read_without_an_error(
    released: Path, tmp_path: Path, seed: int
):
    path = flipped(released, tmp_path / "copy", seed)
    if path.endswith(".parquet"):
        reseal(tmp_path / "copy")
    assert verify(tmp_path / "copy").files > 0
