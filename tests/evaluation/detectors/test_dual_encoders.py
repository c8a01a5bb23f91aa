"""CLIP and SigLIP: the model's own similarity, for any batch, with no sentence cut off."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoProcessor, CLIPModel

from alignbench.evaluation.detector_parts.text_window import windows
from alignbench.evaluation.detectors.clip import ClipDetector, DualEncoderOptions, DualEncoderParams
from alignbench.evaluation.detectors.siglip import SiglipDetector
from alignbench.models.errors import IncompleteWeightsError
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.fixtures.tiny_dual_encoders import save_clip, save_siglip

SENTENCES = [
    "A red ball.",
    "Two cups stand on a table.",
    "A dog",
    "The sky is blue today.",
    "An owl.",
]


@pytest.fixture(scope="module", params=["clip", "siglip"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[type[ClipDetector], Path]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "clip":
        return ClipDetector, save_clip(folder)
    return SiglipDetector, save_siglip(folder)


def made(model: tuple[type[ClipDetector], Path], batch: int = 64, **params: object) -> ClipDetector:
    kind, folder = model
    # Compared with the library's own model on the processor, digit by digit.
    options = DualEncoderOptions(device="cpu", forward_batch=batch)
    return kind(str(folder), None, None, options, DualEncoderParams.model_validate(params))


def test_the_logit_is_the_models_own(model: tuple[type[ClipDetector], Path]) -> None:
    own = AutoModel.from_pretrained(model[1]).eval()
    processor = AutoProcessor.from_pretrained(model[1])
    asked = requests(SENTENCES)
    results = made(model, score="logit").score(asked)
    padding = "max_length" if model[0] is SiglipDetector else True
    for request, result in zip(asked, results, strict=True):
        image = Image.open(io.BytesIO(request.image)).convert("RGB")
        inputs = processor(text=[request.text], images=image, padding=padding, return_tensors="pt")
        if model[0] is SiglipDetector:
            inputs.pop("attention_mask", None)
        with torch.inference_mode():
            expected = float(own(**inputs).logits_per_image)
        assert isinstance(result, SentenceScore)
        assert result.score == pytest.approx(expected, abs=1e-4)


def test_the_score_does_not_depend_on_the_batch(model: tuple[type[ClipDetector], Path]) -> None:
    asked = requests(SENTENCES)
    whole, single = made(model).score(asked), made(model, batch=1).score(asked)
    for one, other in zip(whole, single, strict=True):
        assert isinstance(one, SentenceScore)
        assert isinstance(other, SentenceScore)
        assert one.score == pytest.approx(other.score, abs=1e-5)


def test_the_image_tower_runs_once_for_each_image(
    model: tuple[type[ClipDetector], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(model)
    seen: list[int] = []
    embed = detector._encoder.embed_images
    monkeypatch.setattr(
        detector._encoder, "embed_images", lambda images: seen.append(len(images)) or embed(images)
    )
    detector.score(requests(SENTENCES * 4, images=3))
    assert sum(seen) == 3


def test_a_long_sentence_is_scored_in_parts_or_fails_but_never_cut(
    model: tuple[type[ClipDetector], Path],
) -> None:
    text = "A small brown dog sits on the grass beside a very old tree. " * 4
    [result] = made(model).score(requests([text]))
    assert isinstance(result, SentenceScore)
    assert result.parts > 1
    [changed] = made(model).score(requests([text + "A whale."]))
    assert isinstance(changed, SentenceScore)
    assert changed.score != result.score, "What stands at the end is read."
    [failure] = made(model, long_text="fail").score(requests([text]))
    assert isinstance(failure, ItemFailure)
    assert failure.code == ItemCode.SENTENCE_TOO_LONG


def test_parts_are_the_whole_text_and_begin_at_words() -> None:
    text = "One two three four five six seven eight."
    found = windows(text, lambda part: len(part) <= 12)
    assert "".join(text[start:end] for start, end in found) == text
    assert all(start == 0 or text[start - 1] == " " for start, _ in found)
    assert windows("abcdefghij", lambda part: len(part) <= 3) != []
    assert windows("  \n", lambda _: True) == []


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    """As where a checkpoint of an image-text-matching head is loaded for its towers."""
    folder = save_clip(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "projection" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(IncompleteWeightsError, match=r"2 tensors missing: text_projection\.weight"):
        made((ClipDetector, folder))


def test_a_model_whose_texts_change_each_other_reads_them_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As AIMv2, which pools at the padding; here a CLIP that has lost its masks."""
    folder = save_clip(tmp_path)
    plain = CLIPModel.get_text_features

    def at_the_padding(self: CLIPModel, input_ids: torch.Tensor, **_: object) -> object:
        return plain(self, input_ids=input_ids.flip(0) if len(input_ids) > 1 else input_ids)

    monkeypatch.setattr(CLIPModel, "get_text_features", at_the_padding)
    assert made((ClipDetector, folder))._encoder.batch == 1
