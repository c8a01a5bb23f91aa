"""Workspaces with questions, and a model server that answers and judges them by a script."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from alignbench.flows.questions.importing import import_questions
from alignbench.judging.questions.entries import Kind
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.generators.endpoint.model_server import QUICK, Asked, Reply, said

Script = Callable[[Asked], Reply]
NO_RETRIES = QUICK | {"attempts": 1}


def entry(section: str, name: str, base_url: str, **more: Any) -> str:
    """A model of the configuration behind the scripted server, known there by its name."""
    values = {"name": name, "backend": "openai", "repo": name, "base_url": base_url}
    lines = [f"{key} = {json.dumps(value)}" for key, value in (values | NO_RETRIES | more).items()]
    return "\n".join([f"[[{section}]]", *lines, ""])


def question(number: int, **more: Any) -> dict[str, Any]:
    """An entry of a file of one's own: two variants a cluster."""
    return {
        "cluster": str(number // 2),
        "variant": str(number % 2),
        "image": f"{number // 2}.png",
        "prompt": f"How many cats? ({number})",
        "reference": "Two.",
        "task": "Counting",
    } | more


def workspace(
    root: Path, config: str, entries: list[dict[str, Any]], picture: bytes | None = None
) -> Workspace:
    """A workspace with questions about plain pictures, or all about one, as PNG."""
    root.mkdir(parents=True)
    images = root / "photos"
    images.mkdir()
    for name in {one["image"] for one in entries}:
        if picture is not None:
            (images / name).write_bytes(picture)
            continue
        shade = int(Path(name).stem)
        Image.new("RGB", (8, 8), (shade % 256, shade // 256, 7)).save(images / name)
    (root / "alignbench.toml").write_text(config)
    (root / "mine.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in entries))
    import_questions(str(root), Kind.OWN, root / "mine.jsonl", None, images, None)
    return open_workspace(root)


def by_model(scripts: Mapping[str, Script]) -> Script:
    """Answers as each of several models."""
    return lambda asked: scripts[asked.body["model"]](asked)


def rated(rating: object, reason: str = "as the reference") -> Reply:
    """What a judge replies."""
    return said(json.dumps({"reason": reason, "rating": rating}))


def shown_images(asked: Asked) -> int:
    """How many images a request holds."""
    return sum(
        part["type"] == "image_url"
        for message in asked.body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )
