"""Whether a release's files load in each version of `datasets` that people still have.

    python -m benchmarks.datasets_versions RELEASE [--environments DIR]

Each version gets an environment of its own (kept in DIR, so that a second run is quick), in which
`load_dataset("parquet", data_files=…)` reads the data and the votes. Every row must be what PyArrow
reads, every image must be decoded, or null where the release does not embed it.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

VERSIONS = {
    "2.14.7": ("datasets==2.14.7", "pyarrow<15", "numpy<2", "fsspec==2023.10.0", "pillow"),
    "2.21.0": ("datasets==2.21.0", "pyarrow<21", "pillow"),
    "3.6.0": ("datasets==3.6.0", "pyarrow<21", "pillow"),
    "current": ("datasets", "pillow"),
}
"""What is installed for each; old ones need the Arrow, NumPy and fsspec of their time."""

CHILD = Path(__file__).with_name("datasets_child.py")


def main() -> None:
    """Prints a line for each version; exits 1 if one of them reads something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--environments", type=Path)
    options = parser.parse_args()
    expected = {kind: _expected(options.release, kind) for kind in ("data", "annotations")}
    equal = True
    with tempfile.TemporaryDirectory() as scratch:
        environments = options.environments or Path(scratch)
        for version, requirements in VERSIONS.items():
            python = _environment(environments / f"datasets-{version}", requirements)
            found = _loaded(python, options.release, Path(scratch) / version)
            same = all(found.get(kind) == value for kind, value in expected.items())
            equal &= same
            rows = {kind: part["rows"] for kind, part in found.items() if kind in expected}
            say = "equal to pyarrow's" if same else "NOT what pyarrow reads"
            print(f"datasets {found['datasets']}: {rows}, {say}", flush=True)
    sys.exit(0 if equal else 1)


def _environment(folder: Path, requirements: tuple[str, ...]) -> Path:
    """Returns the Python of an environment that has the requirements, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def _loaded(python: Path, release: Path, cache: Path) -> dict[str, Any]:
    environment = {**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    run = subprocess.run(
        [python, CHILD, release.resolve()], env=environment, capture_output=True, text=True
    )
    if run.returncode:
        sys.exit(f"{python}:\n{run.stderr}")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def _expected(release: Path, kind: str) -> dict[str, Any] | None:
    files = sorted(release.glob(f"{kind}/*/*.parquet"))
    if not files:
        return None
    rows = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    images = [row.pop("image", None) for row in rows]
    return {
        "rows": len(rows),
        "sha256": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
        "images": [None if image is None else _size(image["bytes"]) for image in images],
    }


def _size(data: bytes) -> list[int]:
    with Image.open(io.BytesIO(data)) as image:
        return list(image.size)


if __name__ == "__main__":
    main()
