"""What the demo starts from: sample photographs, drawn scenes, and prompts to draw others from."""

from pathlib import Path

from alignbench.scenes.drawn_files import write_prompts, write_scenes
from alignbench.scenes.photographs import copy_inputs
from alignbench.scenes.scene import Scene

FOLDER = "inputs"
_SCENES = 12
_SHORT_PROMPTS = 9
_LONG_PROMPTS = 3
_SEED = 3_000_000


def lay_out(root: Path) -> None:
    """Writes the photographs with their captions, the scenes and the prompts into a workspace.

    Raises:
        MissingExtraError: If the photographs are not installed.
    """
    folder = root / FOLDER
    copy_inputs(folder)
    write_prompts(folder / "prompts.txt", _SHORT_PROMPTS, _LONG_PROMPTS, _SEED)
    drawn_scenes(root)


def drawn_scenes(root: Path) -> dict[Path, Scene]:
    """Gives what each drawn image of the workspace shows; those that are missing are drawn."""
    folder = root / FOLDER / "scenes"
    return {folder / name: scene for name, scene in write_scenes(folder, _SCENES, _SEED).items()}
