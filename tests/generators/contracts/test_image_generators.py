"""What every image generator keeps to (`schemas.protocols.ImageGenerator`)."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from alignbench.flows.imagine import imagine
from alignbench.flows.prompts import prompts
from alignbench.schemas.configuration.catalog import CatalogModel
from alignbench.schemas.protocols import GeneratedImage, ImageGenerator, ItemFailure
from alignbench.schemas.registry import Group, find, names
from alignbench.schemas.tables import IMAGES, PAIRS
from alignbench.schemas.vocabulary import ModelKind
from alignbench.workspace.workspace import open_workspace
from tests.generators.contracts.specimens import STAND_INS, entry, specimens

Named = tuple[str, CatalogModel]
PROMPTS = ["A red square.", "A blue circle.", "Two green stars.", "A dog.", "A cat.", "A hat."]


def made(named: Named) -> ImageGenerator:
    _, model = named
    plugin = find(Group.IMAGE_GENERATORS, model.backend)
    options = plugin.options_type.model_validate(model.options)
    revision = model.revision or plugin.resolve_revision(model.repo, options)
    params = plugin.params_type.model_validate(model.params)
    generator: ImageGenerator = plugin(model.repo, revision, options, params)
    return generator


def pngs(answers: list[GeneratedImage | ItemFailure]) -> list[bytes]:
    assert all(isinstance(answer, GeneratedImage) for answer in answers), answers
    return [answer.data for answer in answers if isinstance(answer, GeneratedImage)]


def test_every_backend_is_tried_on_something() -> None:
    tried = specimens(ModelKind.IMAGE_GENERATOR)
    backends = {model.backend for model in tried.values() if model is not None}
    backends |= {name.split()[1] for name in STAND_INS if name in tried}
    assert backends >= set(names(Group.IMAGE_GENERATORS))


def test_an_unknown_option_or_parameter_is_refused(image_generator: Named) -> None:
    plugin = find(Group.IMAGE_GENERATORS, image_generator[1].backend)
    for kind in (plugin.options_type, plugin.params_type):
        with pytest.raises(ValidationError, match="forbidden"):
            kind.model_validate({"no_such_key": 1})


def test_each_prompt_has_one_image_and_the_same_seeds_give_the_same_bytes(
    image_generator: Named,
) -> None:
    count = len(PROMPTS)
    first, second = (made(image_generator).generate(PROMPTS, range(count)) for _ in range(2))
    assert pngs(first) == pngs(second)
    assert len(pngs(first)) == count
    for data in pngs(first):
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    assert made(image_generator).generate([], []) == []


def test_an_answer_says_what_made_it_in_json(image_generator: Named) -> None:
    [answer] = made(image_generator).generate(PROMPTS[:1], [0])
    assert isinstance(answer, GeneratedImage)
    assert answer.engine
    assert json.loads(json.dumps(dict(answer.engine), allow_nan=False)) == answer.engine


def test_the_imagine_stage_takes_it_by_its_name(image_generator: Named, tmp_path: Path) -> None:
    name, model = image_generator
    (tmp_path / "prompts.txt").write_text("\n".join(PROMPTS))
    (tmp_path / "alignbench.toml").write_text(
        '[[prompts]]\nname = "few"\nkind = "file"\npath = "prompts.txt"\n'
        + entry("image_generators", model, name)
    )
    prompts.fn(workspace=str(tmp_path))
    assert imagine.fn(workspace=str(tmp_path)).made == len(PROMPTS)
    workspace = open_workspace(tmp_path)
    assert sorted(row.text for row in workspace.table(PAIRS).rows()) == sorted(PROMPTS)
    for image in workspace.table(IMAGES).rows():
        assert workspace.store.read(image.blob)
    assert imagine.fn(workspace=str(tmp_path)).items == 0
