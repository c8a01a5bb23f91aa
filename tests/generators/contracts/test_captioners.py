"""What every captioner keeps to, whoever wrote it (`schemas.protocols.Captioner`)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.schemas.configuration.catalog import CatalogModel
from alignbench.schemas.protocols import (
    Captioner,
    CaptionInput,
    CaptionRequest,
    Generation,
    ItemFailure,
    StreamingCaptioner,
)
from alignbench.schemas.registry import Group, find, names
from alignbench.schemas.tables import PAIRS
from alignbench.schemas.vocabulary import ModelKind
from alignbench.workspace.workspace import open_workspace
from tests.generators.contracts.specimens import STAND_INS, entry, inputs, specimens

Named = tuple[str, CatalogModel]


def made(named: Named) -> Captioner:
    _, model = named
    plugin = find(Group.CAPTIONERS, model.backend)
    options = plugin.options_type.model_validate(model.options)
    revision = model.revision or plugin.resolve_revision(model.repo, options)
    params = plugin.params_type.model_validate(model.params)
    captioner: Captioner = plugin(model.repo, revision, options, params)
    return captioner


def texts(answers: list[Generation | ItemFailure]) -> list[str]:
    assert all(isinstance(answer, Generation) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Generation)]


def test_every_backend_is_tried_on_something() -> None:
    tried = specimens(ModelKind.CAPTIONER)
    backends = {model.backend for model in tried.values() if model is not None}
    backends |= {name.split()[1] for name in STAND_INS if name in tried}
    assert backends >= set(names(Group.CAPTIONERS))


def test_an_unknown_option_or_parameter_is_refused(captioner: Named) -> None:
    plugin = find(Group.CAPTIONERS, captioner[1].backend)
    for kind in (plugin.options_type, plugin.params_type):
        with pytest.raises(ValidationError, match="forbidden"):
            kind.model_validate({"no_such_key": 1})


def test_it_resolves_to_the_same_revision_each_time(captioner: Named) -> None:
    _, model = captioner
    plugin = find(Group.CAPTIONERS, model.backend)
    options = plugin.options_type.model_validate(model.options)
    first = plugin.resolve_revision(model.repo, options)
    assert first is None or (isinstance(first, str) and first)
    assert plugin.resolve_revision(model.repo, options) == first


def test_each_image_has_one_answer_in_its_place_in_any_batch(captioner: Named) -> None:
    model = made(captioner)
    asked, images = captioner[1].instruction, inputs(model.forward_batch + 3)
    together = texts(model.caption(images, asked, range(len(images))))
    alone = [model.caption([image], asked, [seed])[0] for seed, image in enumerate(images)]
    assert together == texts(alone)
    assert model.caption([], asked, []) == []


def test_the_same_seeds_give_the_same_captions_when_it_is_made_anew(captioner: Named) -> None:
    images, asked = inputs(5), captioner[1].instruction
    first, second = (made(captioner).caption(images, asked, range(5)) for _ in range(2))
    assert texts(first) == texts(second)


def test_a_damaged_image_is_a_failure_and_leaves_the_others_alone(captioner: Named) -> None:
    model = made(captioner)
    if not model.reads_pixels:
        pytest.skip("it does not look at images")
    asked, images = captioner[1].instruction, inputs(3)
    broken = CaptionInput("broken", b"no image")
    answers = model.caption([images[0], broken, *images[1:]], asked, [0, 9, 1, 2])
    failure = answers.pop(1)
    assert isinstance(failure, ItemFailure)
    assert failure.code
    assert failure.message
    assert texts(answers) == texts(model.caption(images, asked, range(3)))


def test_an_answer_says_what_made_it_in_json(captioner: Named) -> None:
    model = made(captioner)
    [answer] = model.caption(inputs(1), captioner[1].instruction, [0])
    assert isinstance(answer, Generation)
    assert answer.engine or not model.reads_pixels
    assert json.loads(json.dumps(dict(answer.engine), allow_nan=False)) == answer.engine
    for count in (answer.prompt_tokens, answer.completion_tokens, answer.seconds):
        assert count is None or count >= 0


def test_a_stream_is_taken_as_it_is_worked_on_and_each_place_answered_once(
    captioner: Named,
) -> None:
    model = made(captioner)
    if not isinstance(model, StreamingCaptioner):
        pytest.skip("it takes batches only")
    images, taken, count = inputs(5), 0, 3000

    def requests() -> Iterator[CaptionRequest]:
        nonlocal taken
        for taken in range(1, count + 1):
            yield CaptionRequest(images[taken % 5], taken)

    stream = model.caption_stream(requests(), captioner[1].instruction)
    places = [next(stream)[0]]
    assert taken < count, "all requests were taken before the first answer"
    few = [CaptionRequest(image, seed) for seed, image in enumerate(images)]
    stream.close()  # type: ignore[attr-defined]
    places = [place for place, _ in model.caption_stream(iter(few), captioner[1].instruction)]
    assert sorted(places) == list(range(5))


def test_the_caption_stage_takes_it_by_its_name(captioner: Named, tmp_path: Path) -> None:
    name, model = captioner
    images = inputs(6)
    lines = []
    (tmp_path / "images").mkdir()
    for number, image in enumerate(images):
        (tmp_path / "images" / f"{number}.png").write_bytes(image.data)
        record = {"file_name": f"{number}.png", "model": model.repo, "caption": image.caption}
        lines.append(json.dumps(record))
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))
    (tmp_path / "alignbench.toml").write_text(
        '[[sources]]\nname = "set"\nkind = "captions"\npath = "captions.jsonl"\n'
        'images = "images"\n' + entry("captioners", model, name)
    )
    assert ingest.fn(workspace=str(tmp_path)).made == 6
    assert caption.fn(workspace=str(tmp_path)).made == 6
    rows = list(open_workspace(tmp_path).table(PAIRS).rows())
    assert {row.image_id for row in rows} == {image.image_id for image in images}
    assert {row.model for row in rows} == {"stand-in" if name in STAND_INS else name}
    assert caption.fn(workspace=str(tmp_path)).items == 0
