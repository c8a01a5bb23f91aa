"""Lays out drawn scenes and prompts as files, the way a user's own images and prompts would come.

Beside the images lies their key: JSON Lines with `file_name` and `scene`, the exact structure.
"""

import json
from collections.abc import Mapping
from itertools import chain, zip_longest
from pathlib import Path

from pydantic import TypeAdapter

from scenes.drawing import png
from scenes.prompts import sample_prompts
from scenes.sampling import sample_scenes
from scenes.scene import Arrow, Group, Scene, Thing, Word

_KINDS: Mapping[str, type[Thing]] = {"group": Group, "arrow": Arrow, "word": Word}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def write_scenes(folder: Path, count: int, seed: int) -> dict[str, Scene]:
    """Draws random scenes as PNG files into `folder`; gives each scene by its file name.

    The same count and seed give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes = {
        f"scene-{number:04d}.png": scene
        for number, scene in enumerate(sample_scenes(count, seed), start=1)
    }
    for name, scene in scenes.items():
        (folder / name).write_bytes(png(scene))
    return scenes


def write_prompts(path: Path, one_sentence: int, three_sentences: int, seed: int) -> None:
    """Writes a file with a prompt on each line: short and long ones by turns."""
    short = sample_prompts(one_sentence, 1, seed)
    long = sample_prompts(three_sentences, 3, seed)
    prompts = [prompt.text for prompt in chain(*zip_longest(short, long)) if prompt is not None]
    path.write_text("".join(f"{text}\n" for text in prompts), encoding="utf-8")


def write_key(path: Path, scenes: Mapping[str, Scene]) -> None:
    """Writes the structure of scenes by file name, for `read_key`."""
    lines = [
        json.dumps({"file_name": name, "scene": _to_json(scene)}) for name, scene in scenes.items()
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_key(path: Path) -> dict[str, Scene]:
    """Reads what `write_key` wrote."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["file_name"]: _from_json(row["scene"]) for row in rows}


def _to_json(scene: Scene) -> dict[str, object]:
    things = []
    for thing in scene.things:
        facts = TypeAdapter(type(thing)).dump_python(thing, mode="json")
        things.append({"kind": _NAMES[type(thing)], **facts})
    return {"things": things, "seed": scene.seed}


def _from_json(row: Mapping[str, object]) -> Scene:
    things: list[Thing] = []
    rows = TypeAdapter(list[dict[str, object]]).validate_python(row["things"])
    for facts in rows:
        kind = _KINDS[str(facts.pop("kind"))]
        things.append(TypeAdapter(kind).validate_python(facts))
    return Scene(tuple(things), TypeAdapter(int).validate_python(row["seed"]))
