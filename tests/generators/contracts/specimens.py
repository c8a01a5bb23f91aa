"""The models that the contracts are tried on: those of every installed catalog that run offline.

A backend whose models all need a hub or a server has a stand-in here: a tiny model of random
weights, or a scripted server. A package that brings a backend brings a catalog with it, so that its
models are found unasked.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from alignbench.doctor.model_requirements import obstacles
from alignbench.schemas.configuration.catalog import GROUPS, CatalogModel, catalog
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.protocols import CaptionInput
from alignbench.schemas.registry import find
from alignbench.schemas.vocabulary import ModelKind
from tests.generators.endpoint.model_server import QUICK, Asked, Reply, running, said

SIZES = [(40, 40), (80, 40), (30, 90), (64, 64), (40, 200)]


def runs_offline(model: CatalogModel) -> bool:
    """Tells whether a model can be loaded on this machine with no network."""
    if obstacles(model):
        return False
    plugin = find(GROUPS[model.kind], model.backend)
    try:
        # Of a hub's repository that is not on this machine nothing can be said offline.
        plugin.resolve_revision(model.repo, plugin.options_type.model_validate(model.options))
    except AlignBenchError:
        return False
    return True


def specimens(kind: ModelKind) -> dict[str, CatalogModel | None]:
    """Returns what a contract is tried on, by name; None for a stand-in, to be set up."""
    found: dict[str, CatalogModel | None] = {
        model.name: model
        for model in catalog().values()
        if model.kind is kind and runs_offline(model)
    }
    stand_ins = {name: None for name in STAND_INS if name.startswith(kind.value)}
    return found | stand_ins


def picture(number: int) -> bytes:
    """Returns a PNG of noise, another one for each number."""
    width, height = SIZES[number % len(SIZES)]
    noise = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def inputs(count: int) -> list[CaptionInput]:
    """Returns different images, each with a caption that came with it."""
    pictures = [picture(number) for number in range(count)]
    return [
        CaptionInput(hashlib.sha256(data).hexdigest(), data, f"Caption number {number}.")
        for number, data in enumerate(pictures)
    ]


def _tiny_captioner(folder: Path, stack: ExitStack) -> CatalogModel:
    from tests.fixtures.tiny_models import save_captioner

    return _stand_in(
        ModelKind.CAPTIONER,
        "transformers",
        repo=str(save_captioner("blip", folder)),
        options={"keep_truncated": True},
        params={"max_new_tokens": 8},
    )


def _tiny_image_generator(folder: Path, stack: ExitStack) -> CatalogModel:
    from tests.fixtures.tiny_pipelines import save_pipeline

    return _stand_in(
        ModelKind.IMAGE_GENERATOR,
        "diffusers",
        repo=str(save_pipeline("stable-diffusion", folder)),
        params={"num_inference_steps": 2},
    )


def _served_captioner(folder: Path, stack: ExitStack) -> CatalogModel:
    def answer(asked: Asked) -> Reply:
        seen = hashlib.sha256(f"{asked.image} {asked.body.get('seed')}".encode()).hexdigest()
        return said(f"It shows {seen[:12]}.")

    return _served(ModelKind.CAPTIONER, stack, answer)


def _served_image_generator(folder: Path, stack: ExitStack) -> CatalogModel:
    def answer(asked: Asked) -> Reply:
        import base64

        seen = hashlib.sha256(asked.body["prompt"].encode()).digest()
        data = base64.b64encode(picture(seen[0])).decode()
        return Reply({"created": 1, "data": [{"b64_json": data}]})

    return _served(ModelKind.IMAGE_GENERATOR, stack, answer)


def _served(kind: ModelKind, stack: ExitStack, answer: Callable[[Asked], Reply]) -> CatalogModel:
    server = stack.enter_context(running(script=answer))
    return _stand_in(kind, "openai", repo="tiny", options=QUICK | {"base_url": server.base_url})


def _stand_in(kind: ModelKind, backend: str, **further: object) -> CatalogModel:
    common = {"family": "stand-in", "license": "none", "instruction": None}
    return CatalogModel.model_validate(
        {"name": "stand-in", "kind": kind, "backend": backend, **common, **further}
    )


STAND_INS: dict[str, Callable[[Path, ExitStack], CatalogModel]] = {
    "captioner transformers": _tiny_captioner,
    "captioner openai": _served_captioner,
    "image_generator diffusers": _tiny_image_generator,
    "image_generator openai": _served_image_generator,
}
"""By kind and backend; each is given a folder of its own, and closes what it opens."""


def entry(section: str, model: CatalogModel, name: str) -> str:
    """Returns a section of `alignbench.toml` for a model, in JSON's spelling of TOML's values."""
    if model.name == name:  # of a catalog: all else is taken from there
        return f'[[{section}]]\nname = "{name}"\n'
    values = {"name": "stand-in", "backend": model.backend, "repo": model.repo, **model.options}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    params = [f"params.{key} = {json.dumps(value)}" for key, value in model.params.items()]
    return "\n".join([f"[[{section}]]", *lines, *params]) + "\n"


def set_up(name: str, kind: ModelKind, folder: Path) -> Iterator[CatalogModel]:
    """Yields the model of that name, stand-ins for as long as they are needed."""
    model = specimens(kind)[name]
    with ExitStack() as stack:
        yield STAND_INS[name](folder, stack) if model is None else model
