"""Lays out drawn scenes and prompts as files, as a user's own would come."""

from itertools import chain, zip_longest
from pathlib import Path

from alignbench.scenes.drawing import png
from alignbench.scenes.prompts import sample_prompts
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.scene import Scene


def write_scenes(folder: Path, count: int, seed: int) -> dict[str, Scene]:
    """Draws random scenes as PNG files into `folder`; gives each scene by its file name.

    The same count and seed give the same scenes and pixels. Files that are there are left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes = {
        f"scene-{number:04d}.png": scene
        for number, scene in enumerate(sample_scenes(count, seed), start=1)
    }
    for name, scene in scenes.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(png(scene))
    return scenes


def write_prompts(path: Path, one_sentence: int, three_sentences: int, seed: int) -> None:
    """Writes a file with a prompt on each line: short and long ones by turns."""
    short = sample_prompts(one_sentence, 1, seed)
    long = sample_prompts(three_sentences, 3, seed)
    prompts = [prompt.text for prompt in chain(*zip_longest(short, long)) if prompt is not None]
    path.write_text("".join(f"{text}\n" for text in prompts), encoding="utf-8")
