"""A model is loaded whole and neutral, or it is refused by what is wrong with it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from alignbench.models.errors import (
    IncompleteWeightsError,
    ModelNotFoundError,
    UnsupportedModelError,
)
from alignbench.models.in_process.library_errors import translated
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.vision_language import Asking, VisionLanguageModel
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights, resolve_revision
from alignbench.schemas.errors import ConfigError, MissingExtraError
from tests.fixtures.tiny_models import save_captioner

Tensors = dict[str, torch.Tensor]


def loaded(folder: Path, *inherit: str) -> VisionLanguageModel:
    options = InProcessOptions(device="cpu")
    weights = find_weights(str(folder), None)
    return load_vision_language(weights, options, choose_placement(options), inherit=inherit)


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    rewrite(folder, lambda kept: {n: t for n, t in kept.items() if "vision" not in n})
    with pytest.raises(IncompleteWeightsError, match=r"39 tensors missing: model\.vision_tower"):
        loaded(folder)


def test_weights_of_another_shape_are_named_with_both_shapes(tmp_path: Path) -> None:
    folder = save_captioner("git", tmp_path)
    name = "git.embeddings.word_embeddings.weight"
    rewrite(folder, lambda kept: {**kept, name: kept[name][:-3].clone()})
    with pytest.raises(IncompleteWeightsError, match=r"word_embeddings\.weight \(258×32 for 261"):
        loaded(folder)


def test_a_tensor_that_plays_no_part_may_be_missing(tmp_path: Path) -> None:
    """As published pairs of encoder and decoder lack the encoder's pooler."""
    folder = save_captioner("vision-encoder-decoder", tmp_path)
    rewrite(folder, lambda kept: {n: t for n, t in kept.items() if "pooler" not in n})
    assert loaded(folder).tensors.missing == ()


def settings(folder: Path, **more: object) -> None:
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def test_a_models_own_settings_are_set_aside_and_its_tokens_are_kept(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    settings(folder, repetition_penalty=1.3, num_beams=3, do_sample=True, eos_token_id=[2, 7])
    model = loaded(folder)
    assert model.settings.inherited == {}
    assert model.settings.set_aside == {
        "repetition_penalty": 1.3, "num_beams": 3, "do_sample": True,
    }  # fmt: skip
    assert model.model.generation_config.repetition_penalty is None
    assert model.ends() == {2, 7}


def test_a_setting_that_is_named_is_obeyed_and_told(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    settings(folder, suppress_tokens=[9, 10], forced_eos_token_id=2)
    model = loaded(folder, "suppress_tokens")
    assert model.model.generation_config.suppress_tokens == [9, 10]
    assert model.settings.lineage() == {
        "generation_config_inherited": {"suppress_tokens": [9, 10]},
        "generation_config_set_aside": {"forced_eos_token_id": 2},
    }
    with pytest.raises(ConfigError, match=r"no generation setting 'bad_words_ids'"):
        loaded(folder, "bad_words_ids")


def test_the_settings_of_a_model_inside_the_model_do_not_rule_either(tmp_path: Path) -> None:
    folder = save_captioner("blip", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_beams"] = 4
    (folder / "config.json").write_text(json.dumps(config))
    model = loaded(folder)
    assert model.model.text_decoder.generation_config.num_beams is None


@pytest.mark.parametrize(
    ("family", "asking"),
    [("llava", Asking.CHAT), ("paligemma", Asking.TEXT), ("git", Asking.TEXT)],
)
def test_it_is_found_out_how_a_model_is_shown_an_image(
    tmp_path: Path, family: str, asking: Asking
) -> None:
    assert loaded(save_captioner(family, tmp_path)).asking is asking


def test_a_model_without_a_template_is_asked_behind_the_images_token(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    (folder / "chat_template.jinja").unlink()
    assert loaded(folder).asking is Asking.MARKED_TEXT


def test_a_template_that_takes_text_alone_is_given_the_images_token_in_it(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    template = "{% for m in messages %}USER: {{ m['content'] }}{% endfor %} ASSISTANT:"
    (folder / "chat_template.jinja").write_text(template)
    assert loaded(folder).asking is Asking.CHAT_TEXT


def test_a_model_that_is_never_shown_the_image_is_refused(tmp_path: Path) -> None:
    folder = save_captioner("llava", tmp_path)
    (folder / "chat_template.jinja").write_text("USER: hello ASSISTANT:")
    with pytest.raises(UnsupportedModelError, match="The template does not hold the text"):
        loaded(folder)


def test_a_model_of_another_kind_is_said_so(tmp_path: Path) -> None:
    folder = save_captioner("git", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "vit"}))
    with pytest.raises(UnsupportedModelError, match="of a kind that is not run here"):
        loaded(folder)
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "of_tomorrow"}))
    with pytest.raises(UnsupportedModelError, match="install newer versions"):
        loaded(folder)


def test_a_damaged_file_of_weights_is_said_so(tmp_path: Path) -> None:
    folder = save_captioner("git", tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelNotFoundError, match="damaged file of weights"):
        loaded(folder)


def test_no_network_is_an_error_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    # A port of this machine at which nobody listens.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    api = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    with pytest.raises(ModelNotFoundError, match=r"'some/model' cannot be determined"):
        resolve_revision("some/model")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ValueError("AutoVideoProcessor requires the Torchvision library"), MissingExtraError),
        (ImportError("requires the num2words library"), MissingExtraError),
        (ValueError("Please pass the argument `trust_remote_code=True`"), UnsupportedModelError),
        (AttributeError("module diffusers has no attribute 'NewPipeline'"), UnsupportedModelError),
        (TimeoutError("timed out"), ModelNotFoundError),
        (OSError("a/b does not appear to have a file named model.safetensors"), None),
        (ZeroDivisionError("a fault of the program"), None),
    ],
)
def test_what_libraries_raise_is_told_in_one_place(
    raised: Exception, told: type[Exception] | None
) -> None:
    found = translated(raised, "a/b")
    if told is None:
        assert found is None or found.code == "AB-G06"
    else:
        assert isinstance(found, told)
