"""A model in this process holds a conversation: with earlier turns, with an image or without."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.models.in_process.chat import chat_prompt
from alignbench.schemas.chat import ChatAnswer, ChatModel, ChatRequest, ChatRole, ChatTurn
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionInput, ItemFailure
from tests.fixtures.tiny_models import save_captioner

SAID = (
    ChatTurn(ChatRole.SYSTEM, "Answer in one word."),
    ChatTurn(ChatRole.USER, "What colour is it?"),
    ChatTurn(ChatRole.ASSISTANT, "Blue."),
    ChatTurn(ChatRole.USER, "And the other?"),
)
TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}]"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}[assistant]"
)
CHATTING = ("llava", "llava-next", "idefics3")


def picture(seed: int) -> CaptionInput:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return CaptionInput(str(seed), buffer.getvalue())


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("chatting")
    return {family: save_captioner(family, root / family) for family in (*CHATTING, "blip")}


def model(folder: Path, batch: int = 4) -> TransformersCaptioner:
    options = TransformersOptions(keep_truncated=True, forward_batch=batch)
    return TransformersCaptioner(str(folder), None, options, TransformersParams(max_new_tokens=8))


def speaking(folder: Path, batch: int = 4) -> TransformersCaptioner:
    """A model whose template has a place for every role."""
    loaded = model(folder, batch)
    loaded._model.processor.chat_template = TEMPLATE
    return loaded


def answers(
    captioner: TransformersCaptioner, requests: list[ChatRequest]
) -> list[ChatAnswer | ItemFailure]:
    found = dict(captioner.chat_stream(iter(requests)))
    return [found[place] for place in range(len(requests))]


def test_turns_stand_in_the_models_own_template(folders: dict[str, Path]) -> None:
    captioner = speaking(folders["llava"])
    assert isinstance(captioner, ChatModel)
    assert chat_prompt(captioner._model, SAID, with_image=True) == (
        "[system]Answer in one word.[user]<image>What colour is it?[assistant]Blue."
        "[user]And the other?[assistant]"
    )
    assert "<image>" not in str(chat_prompt(captioner._model, SAID, with_image=False))


def test_with_and_without_an_image_in_one_batch_as_alone(folders: dict[str, Path]) -> None:
    captioner = speaking(folders["llava"])
    requests = [
        ChatRequest(SAID, picture(1), 1),
        ChatRequest(SAID, None, 2),
        ChatRequest(SAID[1:2], picture(3), 3),
        ChatRequest(SAID[:2], CaptionInput("broken", b"no image"), 4),
        ChatRequest((ChatTurn(ChatRole.USER, "Why? " * 30),), None, 5),
    ]
    together = answers(captioner, requests)
    assert [getattr(one, "code", None) for one in together] == [
        None, None, None, ItemCode.IMAGE_DAMAGED, None,
    ]  # fmt: skip
    alone = [answers(captioner, [request])[0] for request in requests]
    texts = [[one.raw.text for one in some if isinstance(one, ChatAnswer)] for some in
             (together, alone)]  # fmt: skip
    assert texts[0] == texts[1]
    first = together[0]
    assert isinstance(first, ChatAnswer)
    assert (first.keep_truncated, first.raw.completion_tokens) == (True, 8)
    assert first.engine["batch"] == 2


@pytest.mark.parametrize("family", CHATTING)
def test_every_chatting_family_takes_text_alone(folders: dict[str, Path], family: str) -> None:
    alone, shown = answers(
        speaking(folders[family]), [ChatRequest(SAID, None, 1), ChatRequest(SAID, picture(1), 1)]
    )
    assert isinstance(alone, ChatAnswer)
    assert isinstance(shown, ChatAnswer)


def test_a_template_that_leaves_a_turn_out_is_told(folders: dict[str, Path]) -> None:
    captioner = model(folders["llava"])
    captioner._model.processor.chat_template = TEMPLATE.replace(
        "{% for message in messages %}",
        "{% for message in messages if message['role'] != 'system' %}",
    )
    [failed] = answers(captioner, [ChatRequest(SAID, None, 1)])
    assert isinstance(failed, ItemFailure)
    assert failed.code == ItemCode.TURNS_NOT_TAKEN
    assert "leaves out what the system says: 'Answer in one word.'" in failed.message


def test_words_that_the_model_takes_for_an_image_are_refused(folders: dict[str, Path]) -> None:
    captioner = speaking(folders["llava"])
    bait = (ChatTurn(ChatRole.USER, "What is <image>?"),)
    [failed] = answers(captioner, [ChatRequest(bait, None, 1)])
    assert isinstance(failed, ItemFailure)
    assert failed.code == ItemCode.SENTENCE_HAS_IMAGE_TOKEN


def test_a_model_without_a_chat_takes_one_question_about_an_image(folders: dict[str, Path]) -> None:
    captioner = model(folders["blip"])
    one = SAID[1:2]
    asked, blind, further = answers(
        captioner,
        [ChatRequest(one, picture(1), 1), ChatRequest(one, None, 1), ChatRequest(SAID, None, 1)],
    )
    assert isinstance(asked, ChatAnswer)
    for failed in (blind, further):
        assert isinstance(failed, ItemFailure)
        assert failed.code == ItemCode.TURNS_NOT_TAKEN


def test_a_conversation_that_takes_all_places_is_said_and_not_cut(folders: dict[str, Path]) -> None:
    captioner = speaking(folders["llava"])
    long = (ChatTurn(ChatRole.USER, "word " * 2000),)
    short = ChatRequest(SAID, None, 1)
    whole, failed = answers(captioner, [short, ChatRequest(long, None, 2)])
    assert isinstance(whole, ChatAnswer)
    assert isinstance(failed, ItemFailure)
    assert failed.code == ItemCode.ANSWER_TRUNCATED
