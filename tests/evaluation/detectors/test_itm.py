"""A matching head gives what the library's own model gives, for any batch, and is never made up."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    Blip2ForImageTextRetrieval,
    BlipForImageTextRetrieval,
)

from alignbench.evaluation.detectors.itm import ItmDetector, ItmOptions, ItmParams
from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.errors import IncompleteWeightsError
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.fixtures.tiny_dual_encoders import save_clip
from tests.fixtures.tiny_matching_heads import MATCHING_HEADS, save_matching_head
from tests.fixtures.tiny_models import save_captioner

SENTENCES = ["A red ball.", "Two cups stand on a table.", "A dog", "An owl.", "The sky is blue."]


@pytest.fixture(scope="module", params=MATCHING_HEADS)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("itm") / request.param
    return request.param, save_matching_head(request.param, folder)


def made(folder: Path, batch: int = 32, **params: object) -> ItmDetector:
    options = ItmOptions(device="cpu", forward_batch=batch)
    return ItmDetector(str(folder), None, None, options, ItmParams.model_validate(params))


def scores(detector: ItmDetector, images: int = 2) -> list[float]:
    results = detector.score(requests(SENTENCES, images=images))
    assert all(isinstance(result, SentenceScore) for result in results), results
    return [result.score for result in results if isinstance(result, SentenceScore)]


@torch.inference_mode()
def library_probability(family: str, folder: Path, image: bytes, text: str) -> float:
    images = AutoImageProcessor.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    picture = Image.open(io.BytesIO(image)).convert("RGB")
    given = dict(tokenizer([text], return_tensors="pt")) | dict(
        images(images=picture, return_tensors="pt")
    )
    given.pop("token_type_ids", None)
    if family == "blip":
        both = BlipForImageTextRetrieval.from_pretrained(folder).eval()(**given).itm_score
    else:
        own = Blip2ForImageTextRetrieval.from_pretrained(folder).eval()
        both = own(**given, use_image_text_matching_head=True).logits_per_image
    return float(both.softmax(dim=1)[0, 1])


def test_the_probability_is_the_models_own(model: tuple[str, Path]) -> None:
    family, folder = model
    asked = requests(SENTENCES, images=2)
    for request, result in zip(asked, made(folder).score(asked), strict=True):
        assert isinstance(result, SentenceScore)
        expected = library_probability(family, folder, request.image, request.text)
        assert result.score == pytest.approx(expected, abs=1e-5)


def test_picture_and_sentence_both_count_and_the_batch_does_not(model: tuple[str, Path]) -> None:
    together = scores(made(model[1]))
    assert len(set(together)) == len(SENTENCES)
    assert together == pytest.approx(scores(made(model[1], batch=1)), abs=1e-5)
    assert together != pytest.approx(scores(made(model[1]), images=1), abs=1e-5)


def test_log_odds_are_in_the_order_of_probabilities(model: tuple[str, Path]) -> None:
    probabilities, odds = scores(made(model[1])), scores(made(model[1], score="logit"))
    places = range(len(SENTENCES))
    assert sorted(places, key=probabilities.__getitem__) == sorted(places, key=odds.__getitem__)
    assert all(0 < probability < 1 for probability in probabilities)


def test_an_image_is_looked_at_once(
    model: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(model[1])
    seen: list[object] = []
    see = detector._head.see
    monkeypatch.setattr(detector._head, "see", lambda image: seen.append(image) or see(image))
    detector.score(requests(sorted(SENTENCES * 3), images=1))
    assert len(seen) == 1


def test_a_sentence_that_is_too_long_or_empty_fails_and_the_others_do_not(
    model: tuple[str, Path],
) -> None:
    long, empty, short = made(model[1]).score(requests(["word " * 60, " \n", "A dog."], images=1))
    assert isinstance(long, ItemFailure)
    assert long.code == ItemCode.SENTENCE_TOO_LONG
    assert isinstance(empty, ItemFailure)
    assert empty.code == ItemCode.SENTENCE_EMPTY
    assert isinstance(short, SentenceScore)


def test_a_captioner_without_the_head_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    folder = save_captioner("blip", tmp_path)
    with pytest.raises(IncompleteWeightsError, match="itm_head"):
        made(folder)


def test_a_model_of_another_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelShapeError, match="family clip, which has no matching head"):
        made(save_clip(tmp_path))
