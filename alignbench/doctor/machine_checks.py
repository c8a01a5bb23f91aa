"""The checks of `alignbench doctor` that look at this machine: packages, programs, disk."""

import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from alignbench.doctor.check_result import CheckResult
from alignbench.schemas.errors import AlignBenchError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore

_LOW_DISK_GB = 5


def python() -> CheckResult:
    """Says which Python runs, and where it is."""
    return CheckResult("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def packages() -> Iterator[CheckResult]:
    """Checks that the packages of each extra are installed."""
    for package, extra, purpose in (
        ("pyarrow", "", "tables and releases"),
        ("prefect", "pipeline", "stages as flows"),
        ("spacy", "pipeline", "sentence splitting"),
        ("label-studio-sdk", "pipeline", "annotation"),
        ("transformers", "models", "captioners in this process"),
        ("diffusers", "models", "image generators in this process"),
    ):
        try:
            yield CheckResult(package, "ok", f"{version(package)} ({purpose})")
        except PackageNotFoundError:
            yield CheckResult(
                package,
                "note" if extra == "models" else "missing",
                f"not installed ({purpose})",
                f"pip install 'alignbench[{extra}]'" if extra else "Reinstall alignbench.",
            )


def sentence_splitter() -> Iterator[CheckResult]:
    """Checks that spaCy and its model are installed."""
    from alignbench.annotation.sentences.identity import installed_splitter

    yield CheckResult("sentence splitter", "ok", str(installed_splitter()))


def label_studio_program() -> Iterator[CheckResult]:
    """Looks for a Python that has Label Studio, which only the embedded server needs."""
    from alignbench.services.label_studio import label_studio_python

    try:
        yield CheckResult("Label Studio program", "ok", str(label_studio_python()))
    except AlignBenchError as error:
        fix = f"{error.fix} (Not needed with a server of your own: set LABEL_STUDIO_URL.)"
        yield CheckResult("Label Studio program", "note", error.what, fix)


def disk(store: ObjectStore) -> Iterator[CheckResult]:
    """Checks that there is room where the workspace is, or here if it is on S3."""
    here = nearest_that_exists(store.root) if isinstance(store, LocalStore) else Path.cwd()
    free = shutil.disk_usage(here).free / 1e9
    if free < _LOW_DISK_GB:
        yield CheckResult("disk", "note", f"{free:.1f} GB free at {here}", "Free up space.")
    else:
        yield CheckResult("disk", "ok", f"{free:.0f} GB free at {here}")


def nearest_that_exists(folder: Path) -> Path:
    """Returns a folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
