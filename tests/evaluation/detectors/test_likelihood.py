"""The likelihood of a sentence is that which the model itself gives, for each family and batch."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, BatchFeature, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from alignbench.evaluation.detector_parts.sentence_likelihood import SentenceLikelihood
from alignbench.evaluation.detectors.likelihood import (
    LikelihoodDetector,
    LikelihoodOptions,
    LikelihoodParams,
)
from alignbench.models.in_process.placement import choose_placement
from alignbench.models.in_process.vision_language import Asking, VisionLanguageModel
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.fixtures.tiny_models import CAPTIONERS, qwen2_vl, save_captioner

SENTENCES = ["A red ball.", "Two cups stand there.", "x", "An owl on a branch, alone."]
ASKED = "Describe this image in detail."


def straightforward(model: VisionLanguageModel, image: Image.Image, sentence: str) -> float:
    """The whole text through the model at once, without cache, batch or padding."""
    ids = model.tokenizer
    if model.family == "vision-encoder-decoder":
        tokens = ids(sentence, add_special_tokens=False)["input_ids"]
        pixels = model.prepare([image], None)["pixel_values"]
        start = model.model.config.decoder_start_token_id or 1
        given = torch.tensor([[start, *tokens]])
        logits = model.model(pixel_values=pixels, decoder_input_ids=given).logits[0]
    elif model.family in ("blip", "git"):
        tokens = ids(sentence, add_special_tokens=False)["input_ids"]
        pixels = model.prepare([image], None)["pixel_values"]
        given = torch.tensor([[1, *tokens]])
        mask = torch.ones_like(given)
        logits = model.model(pixel_values=pixels, input_ids=given, attention_mask=mask).logits[0]
    else:
        tokens = ids(
            (" " if model.chat else "") + sentence, add_special_tokens=False
        )["input_ids"]  # fmt: skip
        inputs = dict(model.prepare([image], ASKED))
        extra = torch.tensor([tokens])
        inputs["input_ids"] = torch.cat([inputs["input_ids"], extra], 1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "mm_token_type_ids" in inputs:  # Qwen-VL's: the sentence is text, which is type 0
            types = inputs["mm_token_type_ids"]
            inputs["mm_token_type_ids"] = torch.cat([types, torch.zeros_like(extra)], 1)
        logits = model.model(**inputs).logits[0]
    told = logits[-len(tokens) - 1 : -1].log_softmax(-1)
    return float(told[torch.arange(len(tokens)), torch.tensor(tokens)].mean())


@pytest.mark.parametrize("family", [name for name in CAPTIONERS if name != "paligemma"])
@torch.inference_mode()
def test_it_is_the_models_own(family: str, tmp_path: Path) -> None:
    folder = save_captioner(family, tmp_path / family)
    # The reference puts the processor's tensors through the same model.
    options = LikelihoodOptions(device="cpu", forward_batch=3)
    detector = LikelihoodDetector(str(folder), None, None, options, LikelihoodParams())
    model = load_vision_language(
        find_weights(str(folder), None), options, choose_placement(options)
    )
    asked = requests(SENTENCES, images=1)
    image = Image.open(io.BytesIO(asked[0].image)).convert("RGB")
    for request, result in zip(asked, detector.score(asked), strict=True):
        assert isinstance(result, SentenceScore)
        expected = straightforward(model, image, request.text)
        assert result.score == pytest.approx(expected, abs=2e-4), request.text
        assert result.score < 0


class QwenProcessor:
    """Stands in for Qwen2-VL's own processor, which cannot be loaded without torchvision."""

    image_token = "<|image_pad|>"

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._images = Qwen2VLImageProcessorPil(min_pixels=28**2, max_pixels=16 * 28**2)

    def apply_chat_template(self, messages: Any, **options: Any) -> Any:
        return self.tokenizer.apply_chat_template(messages, **options)

    def __call__(self, images: Any, text: list[str], **options: Any) -> BatchFeature:
        seen = self._images(images=[image for [image] in images], return_tensors="pt")
        grids = seen["image_grid_thw"].prod(dim=1) // 4
        whole = [
            one.replace(self.image_token, self.image_token * int(grid))
            for one, grid in zip(text, grids, strict=True)
        ]
        tokens = dict(self.tokenizer(whole, **options))
        tokens.pop("token_type_ids", None)
        image = self.tokenizer.convert_tokens_to_ids(self.image_token)
        kinds = (tokens["input_ids"] == image).long()
        return BatchFeature({**tokens, **seen, "mm_token_type_ids": kinds})


@torch.inference_mode()
def test_it_is_the_models_own_where_an_images_places_are_counted_in_2d(tmp_path: Path) -> None:
    torch.manual_seed(7)
    qwen2_vl(tmp_path)
    processor = QwenProcessor(tmp_path)
    loaded = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path).eval()
    model = VisionLanguageModel("qwen2_vl", loaded, processor, processor.tokenizer, Asking.CHAT)
    likelihood = SentenceLikelihood(model, ASKED)
    image = Image.open(io.BytesIO(requests(SENTENCES[:1])[0].image)).convert("RGB")
    found = likelihood.means(image, [likelihood.tokens(sentence) for sentence in SENTENCES])
    expected = [straightforward(model, image, sentence) for sentence in SENTENCES]
    assert found == pytest.approx(expected, abs=2e-4)


def test_a_model_that_reads_both_ways_at_first_scores_too(tmp_path: Path) -> None:
    folder = save_captioner("paligemma", tmp_path / "paligemma")
    params = LikelihoodParams(instruction="caption en")
    detector = LikelihoodDetector(str(folder), None, None, LikelihoodOptions(), params)
    alone = [detector.score([request])[0] for request in requests(SENTENCES, images=1)]
    for one, result in zip(alone, detector.score(requests(SENTENCES, images=1)), strict=True):
        assert isinstance(result, SentenceScore)
        assert isinstance(one, SentenceScore)
        assert result.score == pytest.approx(one.score, abs=1e-4)


def test_what_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    folder = save_captioner("vision-encoder-decoder", tmp_path / "ved")
    detector = LikelihoodDetector(str(folder), None, None, LikelihoodOptions(), LikelihoodParams())
    good, empty, long = detector.score(requests(["A dog.", "  ", "word " * 100], images=1))
    assert isinstance(good, SentenceScore)
    assert isinstance(empty, ItemFailure)
    assert empty.code == ItemCode.SENTENCE_EMPTY
    assert isinstance(long, ItemFailure)
    assert long.code == ItemCode.SENTENCE_TOO_LONG
