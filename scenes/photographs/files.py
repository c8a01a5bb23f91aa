"""Finds the photographs in the installed wheels and lays out the input of the demo."""

import csv
import importlib.util
import shutil
from pathlib import Path

from alignbench.schemas.errors import MissingExtraError

HERE = Path(__file__).parent
METADATA = HERE / "metadata.csv"
CAPTIONS = HERE / "captions.jsonl"

# Package and the folder in it that holds sample images.
_IMAGE_FOLDERS = (("skimage", "data"), ("sklearn", "datasets/images"))


def photograph_files() -> list[Path]:
    """Gives the photographs of the demo, in the order of `metadata.csv`.

    Raises:
        MissingExtraError: If a package that carries them is not installed, or lacks one.
    """
    folders = [_image_folder(package, inside) for package, inside in _IMAGE_FOLDERS]
    with METADATA.open(encoding="utf-8", newline="") as lines:
        names = [row["file_name"] for row in csv.DictReader(lines)]
    return [_first_holding(folders, name) for name in names]


def copy_inputs(folder: Path) -> None:
    """Copies what the demo starts from into `folder`, over what is there.

    Afterwards `folder/photographs/` holds the photographs and their `metadata.csv`, and
    `folder/captions.jsonl` the captions.

    Raises:
        MissingExtraError: If the photographs are not installed.
    """
    files = photograph_files()
    photographs = folder / "photographs"
    photographs.mkdir(parents=True, exist_ok=True)
    for file in (*files, METADATA):
        shutil.copyfile(file, photographs / file.name)
    shutil.copyfile(CAPTIONS, folder / CAPTIONS.name)


def _image_folder(package: str, inside: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"The demo's photographs come with the package {package}, which is not installed.",
            'Run: pip install "alignbench[demo]"',
        )
    return Path(spec.submodule_search_locations[0]) / inside


def _first_holding(folders: list[Path], name: str) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(str(folder) for folder in folders)
    raise MissingExtraError(
        f"The photograph {name} is in none of the installed packages ({searched}).",
        'Run: pip install --force-reinstall "alignbench[demo]"',
    )
