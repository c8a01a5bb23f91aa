"""What an installation puts on a machine: one import package, whatever else lies beside it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import alignbench

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.name for path in (ROOT / "alignbench").iterdir() if path.is_symlink())
TAKEN_NAMES = ("evaluation", "flows", "models", "release", "schemas")
KINDS = (".css", ".j2", ".py", ".safetensors", ".template", ".toml", ".typed")
"""Kinds of file, at least one of which a wheel must have; more are compared one by one."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout, with a virtual environment in it as `make` puts there."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in checked_out():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    venv.create(copy / ".venv", symlinks=True)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    return built(checkout, "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and the dependencies that are here."""
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    # A path in such a file is searched; the .pth files there, the checkout's among them, are not.
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("\n".join(sorted(here)) + "\n")
    run_python("-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    return python.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A researcher's project, whose packages have the names of our folders."""
    for name in TAKEN_NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("OWNER = 'the project'\n")
    return tmp_path


def test_a_wheel_holds_one_import_package_and_every_file_of_it(wheel: Path) -> None:
    names = files_of_wheel(wheel)
    assert {name.partition("/")[0] for name in names} == {"alignbench"}
    assert names == {
        name if name.startswith("alignbench/") else f"alignbench/{name}"
        for name in checked_out()
        if name.startswith("alignbench/") or name.partition("/")[0] in FOLDERS
        if not (ROOT / name).is_symlink()
    }
    assert {Path(name).suffix for name in names} >= set(KINDS)
    assert "alignbench/py.typed" in names


def test_a_wheel_made_from_the_source_archive_has_the_same_files(
    checkout: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(built(checkout, "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()
    assert files_of_wheel(built(unpacked, "wheel")) == files_of_wheel(wheel)


def test_a_project_with_folders_of_the_same_names_keeps_them(
    installed: Path, project: Path
) -> None:
    for name in TAKEN_NAMES:
        code = f"import {name}, alignbench.{name}; print({name}.OWNER, alignbench.__file__)"
        owner, _, file = said(project, installed / "python", "-c", code).rpartition(" ")
        assert owner == "the project"
        assert Path(file.strip()).is_relative_to(installed.parent)
    version = f"alignbench {alignbench.__version__}\n"
    assert said(project, installed / "alignbench", "--version") == version
    assert said(project, installed / "python", "-m", "alignbench", "--version") == version


def test_beside_such_a_project_a_release_is_verified_and_evaluated(
    installed: Path, project: Path, released: Path
) -> None:
    # `-m` looks into the current folder first, as a script of the project does.
    command = (installed / "python", "-m", "alignbench")
    assert "is sound" in said(project, *command, "verify", released)
    asked = (
        "--detector",
        "sentence_length",
        "--no-figures",
        "--out",
        "report",
    )
    assert "Report:" in said(project, *command, "evaluate", released, *asked)
    assert (project / "report" / "report.html").is_file()


def checked_out() -> list[str]:
    """The files of this checkout that are under version control, or will be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name)]


def built(source: Path, target: str) -> Path:
    """Builds a wheel or source archive, without network, and returns it."""
    out = source / "dist" / target
    run_python("-m", "hatchling", "build", "--target", target, "--directory", out, folder=source)
    [made] = out.iterdir()
    return made


def files_of_wheel(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def run_python(*arguments: str | Path, folder: Path = ROOT) -> None:
    said(folder, Path(sys.executable), *arguments)


def said(folder: Path, *command: str | Path) -> str:
    """What a program prints that is run in a folder, knowing nothing of this checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
