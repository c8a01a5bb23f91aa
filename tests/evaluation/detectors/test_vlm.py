"""A model that is asked: a strict reading of its answer, one more question, then a failure."""

from pathlib import Path

import pytest
import torch

from alignbench.evaluation.detectors.vlm import VlmDetector, VlmParams
from alignbench.evaluation.errors import ModelShapeError
from alignbench.evaluation.prompts import prompt_names, read_prompt
from alignbench.models.in_process.placement import InProcessOptions
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.errors import UnknownNameError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.images import requests
from tests.fixtures.tiny_models import save_captioner

SENTENCES = ["A red ball.", "Two cups stand there.", "A dog."]


def test_a_prompt_is_a_file_or_a_text_with_a_place_for_the_sentence() -> None:
    assert prompt_names() == ["score_v1", "yes_no_v1"]
    assert all("{sentence}" in read_prompt(name) for name in prompt_names())
    assert read_prompt("True? {sentence}") == "True? {sentence}"
    with pytest.raises(UnknownNameError, match="score_v1"):
        read_prompt("score_v2")


def made(folder: Path, prompt: str = "True? {sentence}", **params: object) -> VlmDetector:
    # The tests put the processor's tensors through the same model.
    options = InProcessOptions(device="cpu", forward_batch=2)
    return VlmDetector(str(folder), None, prompt, options, VlmParams.model_validate(params))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_captioner("llava", tmp_path_factory.mktemp("llava"))


def test_a_model_that_writes_no_number_fails_with_what_it_wrote(folder: Path) -> None:
    for result in made(folder, max_new_tokens=4).score(requests(SENTENCES)):
        assert isinstance(result, ItemFailure)
        assert result.code == ItemCode.ANSWER_NO_SCORE


def test_it_is_asked_once_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = made(folder)
    said: list[list[str]] = []

    def answers(some: list[object]) -> list[RawAnswer]:
        said.append([item.text for item in some])  # type: ignore[attr-defined]
        written = ["55" if "one whole number" in text else "well" for text in said[-1]]
        return [RawAnswer(text) for text in written]

    monkeypatch.setattr(detector, "_answers", answers)
    assert detector.score(requests(SENTENCES, images=1)) == [SentenceScore(55.0)] * 3
    assert [len(texts) for texts in said] == [2, 2, 1, 1]


def test_the_probability_of_yes_is_the_models(folder: Path) -> None:
    detector = made(folder, answer="yes_no")
    model = detector._model
    for request, result in zip(
        requests(SENTENCES), detector.score(requests(SENTENCES)), strict=True
    ):
        from io import BytesIO

        from PIL import Image

        image = Image.open(BytesIO(request.image)).convert("RGB")
        inputs = model.prepare([image], f"True? {request.text}")
        with torch.inference_mode():
            last = model.model(**inputs).logits[0, -1].softmax(-1)
        yes, no = float(last[detector._yes].sum()), float(last[detector._no].sum())
        assert isinstance(result, SentenceScore)
        assert result.score == pytest.approx(yes / (yes + no), abs=1e-4)


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelShapeError, match="chat template"):
        made(save_captioner("blip", tmp_path / "blip"))


def test_images_with_one_sentence_each_go_through_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(folder)
    sizes: list[int] = []
    answers = detector._questions.answers
    monkeypatch.setattr(
        detector._questions,
        "answers",
        lambda images, texts, most: sizes.append(len(texts)) or answers(images, texts, most),
    )
    detector.score(requests(SENTENCES, images=3))
    assert sizes[0] == 2
