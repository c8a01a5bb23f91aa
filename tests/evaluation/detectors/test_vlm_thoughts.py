"""A judge that thinks is read behind its thoughts, and given the room for them.

Random weights think nothing: what the model writes is put in its mouth, token by token.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from alignbench.evaluation.detectors.likelihood import (
    LikelihoodDetector,
    LikelihoodOptions,
    LikelihoodParams,
)
from alignbench.evaluation.detectors.vlm import VlmDetector, VlmParams
from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.models.in_process.forward_pass import placed_inputs, text_scores
from alignbench.models.in_process.placement import InProcessOptions
from alignbench.schemas.detection import SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionInput, ItemFailure
from tests.evaluation.images import png, requests
from tests.fixtures.tiny_models import CHAT_TEMPLATE, save_captioner

OPEN = (
    "{% if enable_thinking is defined and not enable_thinking %} \n{% else %} <think>\n{% endif %}"
)
"""How a template opens a thought, unless it is told not to."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_captioner("llava", tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_captioner("llava", tmp_path_factory.mktemp("thinking"))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE + OPEN)
    return folder


def made(folder: Path, **params: object) -> VlmDetector:
    options = InProcessOptions(device="cpu")
    sent = VlmParams.model_validate(params)
    return VlmDetector(str(folder), None, "True? {sentence}", options, sent)


def say(detector: VlmDetector, text: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes the model write a text, cut off where it may write no more; returns its limits."""
    tokens = detector._model.tokenizer(text, add_special_tokens=False)["input_ids"]
    asked: list[int] = []

    def answers(images: object, questions: Sequence[str], most: int) -> list[list[int]]:
        asked.append(most)
        return [[*tokens, 2][:most] for _ in questions]

    monkeypatch.setattr(detector._questions, "answers", answers)
    return asked


def test_a_number_behind_a_thought_is_reached(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = made(plain)
    limits = say(detector, "<think>It is red, so 10 or 20?</think>\n85", monkeypatch)
    assert detector.score(requests(["A dog."])) == [SentenceScore(85.0)]
    assert limits == [16, 16 + 2048]


def test_a_template_that_opens_a_thought_gives_room_for_it_at_once(
    thinking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(thinking, thought_tokens=100)
    limits = say(detector, "It is red.\n</think>\n\n<answer>70</answer>", monkeypatch)
    assert detector.score(requests(["A dog."])) == [SentenceScore(70.0)]
    assert limits == [116]


def test_a_model_that_is_told_not_to_think_is_given_no_room_for_it(
    thinking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(thinking, chat_template_kwargs={"enable_thinking": False})
    limits = say(detector, "40", monkeypatch)
    assert detector.score(requests(["A dog."])) == [SentenceScore(40.0)]
    assert limits == [16]


def test_yes_is_weighed_where_it_is_said_and_not_in_the_thought(
    thinking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = made(thinking, answer="yes_no")
    thought = "No? No. Well, yes.\n</think>\n\n"
    say(detector, f"{thought}Yes", monkeypatch)
    [result] = detector.score(requests(["A dog."]))
    model = detector._model
    picture = Image.open(io.BytesIO(png(0))).convert("RGB")
    tokens = model.tokenizer(f"{thought}Y", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([tokens])
    inputs = placed_inputs(model, [picture], "True? A dog.")
    last = text_scores(model, inputs, ids, torch.ones_like(ids))[0, -1].softmax(-1)
    yes, no = float(last[detector._yes].sum()), float(last[detector._no].sum())
    assert isinstance(result, SentenceScore)
    assert result.score == pytest.approx(yes / (yes + no), abs=1e-5)


def test_a_thought_without_end_is_a_failure_and_no_score(
    thinking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ("yes_no", "score"):
        detector = made(thinking, answer=answer, thought_tokens=20)
        say(detector, "Yes, 90, well, hm, " * 20, monkeypatch)
        [result] = detector.score(requests(["A dog."]))
        assert isinstance(result, ItemFailure)
        assert result.code == ItemCode.ANSWER_TRUNCATED


def test_a_caption_that_is_all_thought_is_no_caption(thinking: Path) -> None:
    options = TransformersOptions(device="cpu", keep_truncated=True)
    captioner = TransformersCaptioner(
        str(thinking), None, options, TransformersParams(max_new_tokens=4)
    )
    [answer] = captioner.caption([CaptionInput("a", png(0))], "What is it?", [0])
    assert isinstance(answer, ItemFailure)
    assert answer.code == ItemCode.ANSWER_TRUNCATED
    assert "within the model's thought" in answer.message


def test_a_sentence_is_likely_as_an_answer_and_not_as_a_thought(
    thinking: Path, plain: Path
) -> None:
    options = LikelihoodOptions(device="cpu")
    detector = LikelihoodDetector(str(thinking), None, None, options, LikelihoodParams())
    prompt = detector._likelihood.model.prompt("What?", close_thought=True)
    assert prompt.endswith("<think>\n</think>\n\n")
    assert isinstance(detector.score(requests(["A dog."]))[0], SentenceScore)
