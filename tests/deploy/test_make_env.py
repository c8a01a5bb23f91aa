import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST_LABEL_STUDIO_TOKEN = 40


def make_env(root: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(root / "deploy" / "make_env.py"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def values(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def env_file(root: Path, tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    result = make_env(root, path)
    assert result.returncode == 0, result.stderr
    return path


def test_only_its_owner_can_read_the_file(env_file: Path) -> None:
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600


def test_every_secret_is_random_and_used_once(root: Path, tmp_path: Path, env_file: Path) -> None:
    other = tmp_path / "other.env"
    make_env(root, other)
    found = re.compile(r"[0-9a-f]{40}")
    first, second = (found.findall(path.read_text()) for path in (env_file, other))
    names = re.findall(r"\$\{\w+\}", (root / "deploy" / "env.template").read_text())
    assert len(first) == len(second) == len(names)
    assert len({*first, *second}) == 2 * len(names)


def test_no_placeholder_is_left(env_file: Path) -> None:
    assert "$" not in env_file.read_text()


def test_the_label_studio_token_fits_its_column_in_postgresql(env_file: Path) -> None:
    assert len(values(env_file)["LABEL_STUDIO_USER_TOKEN"]) <= LONGEST_LABEL_STUDIO_TOKEN


def test_an_existing_file_is_never_overwritten(root: Path, env_file: Path) -> None:
    before = env_file.read_bytes()
    result = make_env(root, env_file)
    assert result.returncode == 1
    assert "stays as it is" in result.stderr
    assert env_file.read_bytes() == before


def test_a_dangling_link_is_not_written_through(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    link = tmp_path / ".env"
    link.symlink_to(target)
    assert make_env(root, link).returncode == 1
    assert not target.exists()
