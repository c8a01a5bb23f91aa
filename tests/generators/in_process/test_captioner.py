"""Every family of image-to-text model is loaded from its files and run as the library runs it."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.models.in_process.forward_pass import next_scores
from alignbench.schemas.errors import ConfigError, MissingExtraError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionInput, CaptionRequest, Generation, ItemFailure
from tests.fixtures.tiny_models import (
    CAPTIONERS,
    HAS_TORCHVISION,
    UNASKED,
    qwen2_vl,
    save_captioner,
)

SIZES = [(40, 40), (80, 40), (30, 90), (64, 64), (40, 200)]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("captioners")
    return {family: save_captioner(family, root / family) for family in CAPTIONERS}


def png(width: int, height: int, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def images() -> list[CaptionInput]:
    return [CaptionInput(str(number), png(*size, seed=number)) for number, size in enumerate(SIZES)]


def captioner(folder: Path, batch: int = 8, **params: object) -> TransformersCaptioner:
    options = TransformersOptions(keep_truncated=True, forward_batch=batch)
    sent = TransformersParams.model_validate({"max_new_tokens": 12, **params})
    return TransformersCaptioner(str(folder), None, options, sent)


def texts(answers: list[Generation | ItemFailure]) -> list[str]:
    """What was written. Random weights write control tokens too: such an answer fails, and says so.

    Nothing but that may fail.
    """
    codes = {answer.code for answer in answers if isinstance(answer, ItemFailure)}
    assert codes <= {ItemCode.CONTROL_TOKEN, ItemCode.ANSWER_EMPTY}
    return [a.text if isinstance(a, Generation) else a.message for a in answers]


def question(family: str) -> str | None:
    return None if family in UNASKED else "Describe the image."


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.9, "top_k": 50, "top_p": 0.95}])
@pytest.mark.parametrize("family", CAPTIONERS)
def test_a_batch_gives_what_single_calls_give(
    folders: dict[str, Path], family: str, sampling: dict[str, object]
) -> None:
    model = captioner(folders[family], **sampling)
    asked = question(family)
    together = model.caption(images(), asked, range(5))
    alone = [model.caption([image], asked, [seed])[0] for seed, image in enumerate(images())]
    assert texts(together) == texts(alone)
    assert len(set(texts(together))) > 1 or not sampling


@pytest.mark.parametrize("family", CAPTIONERS)
def test_two_loads_of_the_same_files_write_the_same(folders: dict[str, Path], family: str) -> None:
    first, second = (captioner(folders[family], temperature=1.0) for _ in range(2))
    asked = question(family)
    assert first.caption(images(), asked, range(5)) != []
    assert texts(first.caption(images(), asked, range(5))) == texts(
        second.caption(images(), asked, range(5))
    )


def test_another_seed_writes_something_else(folders: dict[str, Path]) -> None:
    model = captioner(folders["llava"], temperature=1.0)
    assert texts(model.caption(images(), "What?", range(5))) != texts(
        model.caption(images(), "What?", range(10, 15))
    )


@pytest.mark.parametrize("family", ["blip", "git"])
def test_a_caption_goes_on_from_the_instruction_where_the_family_does(
    folders: dict[str, Path], family: str
) -> None:
    [answer] = captioner(folders[family], max_new_tokens=4).caption(images()[:1], "A photo of", [0])
    assert isinstance(answer, Generation)
    assert answer.text.startswith("A photo of")


@pytest.mark.parametrize("family", ["llava", "llava-next", "idefics3", "paligemma"])
def test_the_question_is_not_part_of_the_caption(folders: dict[str, Path], family: str) -> None:
    [answer] = texts(captioner(folders[family]).caption(images()[:1], "Describe the image.", [0]))
    assert "Describe" not in answer
    assert "USER" not in answer


@pytest.mark.parametrize("family", ["llava", "idefics3", "paligemma"])
def test_a_model_that_must_be_asked_says_so(folders: dict[str, Path], family: str) -> None:
    with pytest.raises(ConfigError, match=r"only writes when it is asked .*instruction"):
        captioner(folders[family]).caption(images()[:1], None, [0])


def test_a_model_that_takes_no_instruction_says_so(folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="takes no instruction"):
        captioner(folders["vision-encoder-decoder"]).caption(images()[:1], "What?", [0])


@pytest.mark.skipif(HAS_TORCHVISION, reason="torchvision is installed")
def test_a_model_whose_processor_needs_torchvision_says_so(tmp_path: Path) -> None:
    qwen2_vl(tmp_path)
    with pytest.raises(MissingExtraError, match="requires the Torchvision library"):
        captioner(tmp_path)


def test_a_caption_that_was_cut_off_is_a_failure_and_not_a_caption(
    folders: dict[str, Path],
) -> None:
    model = TransformersCaptioner(
        str(folders["git"]), None, TransformersOptions(), TransformersParams(max_new_tokens=3)
    )
    answers = model.caption(images(), None, range(5))
    codes = [answer.code for answer in answers if isinstance(answer, ItemFailure)]
    assert codes == [ItemCode.ANSWER_TRUNCATED] * 5


def test_a_caption_that_ended_says_so(folders: dict[str, Path]) -> None:
    model = captioner(folders["llava"])
    # The model has random weights: let it end at the first token other than that it begins with.
    picture = Image.open(io.BytesIO(images()[0].data)).convert("RGB")
    first = int(next_scores(model._model, picture, "What?").argmax())
    ends = [token for token in range(261) if token != first]
    model._model.model.generation_config.eos_token_id = ends
    [answer] = model.caption(images()[:1], "What?", [0])
    assert isinstance(answer, Generation)
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens == len(answer.text) + 1


def test_an_image_that_cannot_be_decoded_leaves_the_others_alone(
    folders: dict[str, Path],
) -> None:
    model = captioner(folders["blip"], batch=2)
    broken = CaptionInput("broken", b"not an image")
    given = images()
    answers = model.caption([broken, given[0], given[1], broken, given[2]], None, range(5))
    kinds = [isinstance(answer, ItemFailure) for answer in answers]
    assert kinds == [True, False, False, True, False]
    assert texts([answers[1], answers[2], answers[4]]) == texts(
        model.caption(given[:3], None, range(3))
    )


def test_the_lineage_names_what_could_change_a_caption(folders: dict[str, Path]) -> None:
    few, many = (captioner(folders["blip"], batch=size) for size in (2, 4))
    first, second = (model.caption(images()[:1], None, [0])[0] for model in (few, many))
    assert isinstance(first, Generation)
    assert isinstance(second, Generation)
    assert set(first.engine) >= {"transformers", "torch", "device", "dtype", "attention"}
    different = {name for name in first.engine if first.engine[name] != second.engine[name]}
    assert different == {"forward_batch"}


def test_the_batch_is_halved_until_it_fits_into_memory(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = captioner(folders["blip"])
    expected = texts(model.caption(images(), None, range(5)))
    generate = model._model.model.generate
    sizes: list[int] = []

    def with_room_for_two(**inputs: torch.Tensor) -> torch.Tensor:
        rows = len(inputs["pixel_values"])
        sizes.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        output: torch.Tensor = generate(**inputs)
        return output

    monkeypatch.setattr(model._model.model, "generate", with_room_for_two)
    assert texts(model.caption(images(), None, range(5))) == expected
    assert sizes == [5, 2, 3, 1, 2]


def test_an_item_that_does_not_fit_alone_is_a_failure(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = captioner(folders["blip"])

    def without_room(**inputs: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(model._model.model, "generate", without_room)
    answers = model.caption(images()[:2], None, range(2))
    assert [a.code for a in answers if isinstance(a, ItemFailure)] == [ItemCode.OUT_OF_MEMORY] * 2


def test_images_are_read_one_batch_ahead_and_no_further(folders: dict[str, Path]) -> None:
    model = captioner(folders["blip"], batch=2)
    taken: list[int] = []

    def requests() -> Iterator[CaptionRequest]:
        for number in range(12):
            taken.append(number)
            yield CaptionRequest(images()[0], number)

    stream = model.caption_stream(requests(), None)
    next(stream)
    assert len(taken) <= 4
    stream.close()  # type: ignore[attr-defined]
    assert len(taken) <= 6


def test_no_more_tokens_are_asked_for_than_the_model_has_places(tmp_path: Path) -> None:
    """The bundled model has 72 places, and its catalog entry asks for 80 tokens."""
    options = TransformersOptions(keep_truncated=True, device="cpu")
    model = TransformersCaptioner(
        "package:scenes/weights/scenes-blip", None, options, TransformersParams(max_new_tokens=80)
    )
    # Of noise it writes on and on.
    noise = [CaptionInput(str(seed), png(64, 48, seed)) for seed in range(6)]
    answers = [a for a in model.caption(noise, None, range(6)) if isinstance(a, Generation)]
    assert {answer.engine["max_new_tokens_bound"] for answer in answers} == {71}
    assert max(answer.completion_tokens or 0 for answer in answers) <= 71


def test_a_caption_that_the_models_places_cut_off_says_so(folders: dict[str, Path]) -> None:
    model = TransformersCaptioner(
        str(folders["vision-encoder-decoder"]),
        None,
        TransformersOptions(device="cpu"),
        TransformersParams(max_new_tokens=500),
    )
    model._model.model.generation_config.eos_token_id = 100_000  # it never ends
    [answer] = model.caption(images()[:1], None, [0])
    assert isinstance(answer, ItemFailure)
    assert answer.code == ItemCode.ANSWER_TRUNCATED
    assert "after 127 tokens" in answer.message


def test_a_prompt_that_leaves_no_place_is_a_failure_of_its_item(folders: dict[str, Path]) -> None:
    model = captioner(folders["llava"])
    [answer] = model.caption(images()[:1], "word " * 200, [0])
    assert isinstance(answer, ItemFailure)
    assert "nothing can be written" in answer.message


def test_a_models_own_settings_change_no_caption_and_are_told(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["llava"], tmp_path / "llava")
    path = folder / "generation_config.json"
    own = {"repetition_penalty": 1.9, "num_beams": 2, "bad_words_ids": [[20], [21]]}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    long = {"min_new_tokens": 10}
    plain = captioner(folders["llava"], **long).caption(images(), "What?", range(5))
    answers = captioner(folder, **long).caption(images(), "What?", range(5))
    assert texts(answers) == texts(plain)
    [told] = {
        json.dumps(a.engine["generation_config_set_aside"], sort_keys=True)
        for a in answers
        if isinstance(a, Generation)
    }
    assert json.loads(told) == own
    obeyed = captioner(folder, **long, inherit=["bad_words_ids"], repetition_penalty=1.9)
    assert texts(obeyed.caption(images(), "What?", range(5))) != texts(plain)


def test_what_is_a_parameter_is_not_inherited() -> None:
    with pytest.raises(ValueError, match="repetition_penalty is not inherited; say it as a"):
        TransformersParams(inherit=("repetition_penalty",))


def test_settings_in_an_old_configuration_do_not_rule_either(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """As of models that were published before settings had a file of their own."""
    name = "vision-encoder-decoder"
    folder = shutil.copytree(folders[name], tmp_path / name)
    config = json.loads((folder / "config.json").read_text())
    config["decoder"] |= {"num_beams": 4, "no_repeat_ngram_size": 2}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink()
    plain, old = (captioner(at).caption(images(), None, range(5)) for at in (folders[name], folder))
    assert texts(old) == texts(plain)
