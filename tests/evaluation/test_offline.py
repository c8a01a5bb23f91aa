"""A detector whose model is not named, or cannot be fetched, says what would run."""

import huggingface_hub
import pytest

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.models.errors import ModelNotFoundError
from alignbench.models.in_process.weights import local_folder
from tests.evaluation.images import requests


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*given: object, **more: object) -> None:
        raise ConnectionError("no route to host")

    # Stands in for a machine without a network; what is cached there is nobody's business here.
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("name", ["likelihood", "siglip", "clip4dm", "clip-vit-b-32"])
def test_a_default_that_cannot_be_fetched_names_what_runs_offline(name: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        PreparedDetector(parse_detector(name)).load()
    assert "'sentence_length', 'constant' and --scores FILE" in caught.value.fix
    assert "clip4dm:repo=package:scenes/weights/scenes-clip" in caught.value.fix
    assert "likelihood:repo=package:scenes/weights/scenes-blip" in caught.value.fix


def test_what_is_said_to_run_offline_does() -> None:
    for typed in (
        "clip4dm:repo=package:scenes/weights/scenes-clip,device=cpu",
        "likelihood:repo=package:scenes/weights/scenes-blip,device=cpu",
    ):
        detector = PreparedDetector(parse_detector(typed)).load()
        assert len(detector.score(requests(["A red circle."]))) == 1


@pytest.mark.parametrize(
    ("typed", "example"),
    [
        ("vlm", "vlm:repo=HuggingFaceTB/SmolVLM-Instruct"),
        ("likelihood:repo=''", "likelihood:repo=Salesforce/blip-image-captioning-large"),
    ],
)
def test_a_detector_without_a_model_names_one_to_take(typed: str, example: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        PreparedDetector(parse_detector(typed))
    assert example in caught.value.fix


def test_no_name_is_not_the_current_folder() -> None:
    with pytest.raises(ModelNotFoundError):
        local_folder("")
