"""Only safe weights are loaded, and only those that a revision names."""

from pathlib import Path

import pytest
import torch

from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.models.errors import ChangedWeightsError, ModelNotFoundError, PickledWeightsError
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import find_weights, resolve_revision
from alignbench.schemas.errors import ConfigError
from tests.fixtures.tiny_models import save_captioner


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_captioner("blip", tmp_path / "model")


def test_pickled_weights_are_refused_with_the_reason(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(PickledWeightsError, match=r"pytorch_model.bin is a pickle, which can run"):
        TransformersCaptioner(str(folder), None, TransformersOptions(), TransformersParams())


def test_a_pickle_beside_safetensors_is_not_opened(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n.")
    TransformersCaptioner(str(folder), None, TransformersOptions(), TransformersParams())


def test_weights_that_changed_under_their_name_are_refused(folder: Path) -> None:
    revision = resolve_revision(str(folder))
    assert find_weights(str(folder), revision).source == str(folder)
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    assert resolve_revision(str(folder)) != revision
    with pytest.raises(ChangedWeightsError, match="are not those that this workspace's rows"):
        find_weights(str(folder), revision)


@pytest.mark.parametrize(
    "repo",
    [
        "/no/such/folder",
        "./none",
        "package:alignbench.schemas/none",
        "package:none/weights",
        "package:x/..",
    ],
)
def test_a_model_that_is_not_there_is_said_to_be_missing(repo: str) -> None:
    with pytest.raises(ModelNotFoundError):
        find_weights(repo, None)


def test_a_hub_that_cannot_be_reached_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match="give a local folder"):
        resolve_revision("nobody/no-such-model")


def test_weights_may_come_inside_a_package() -> None:
    assert resolve_revision("package:alignbench.generators/prompts").startswith("sha256:")


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("There is a GPU here.")
    with pytest.raises(ConfigError, match="The device 'cuda' cannot be used"):
        choose_placement(InProcessOptions(device="cuda"))
