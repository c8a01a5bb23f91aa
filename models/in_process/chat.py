"""A conversation as the input of an image-to-text model, with an image or without."""

from collections.abc import Sequence
from typing import Any

from alignbench.models.in_process.vision_language import TAKES_NO_TEXT, Asking, VisionLanguageModel
from alignbench.schemas.chat import ChatRole, ChatTurn
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure


def chat_prompt(
    model: VisionLanguageModel, turns: Sequence[ChatTurn], *, with_image: bool
) -> str | ItemFailure:
    """Returns a conversation in a model's chat template, or why it cannot be put to it.

    A model that is asked in another way than a chat takes one question about one image.

    Args:
        model: The model.
        turns: What was said; the last turn is the user's.
        with_image: Whether an image is shown with the user's first turn.
    """
    if with_image and not model.sees_images:
        return ItemCode.TURNS_NOT_TAKEN.failure(
            f"A model of family {model.family} reads text alone, and was to be shown an image. Use "
            "it as a judge or a rewriter, or let it answer with --blind."
        )
    for turn in turns:
        if (mistaken := model.mistaken_for_image(turn.text)) is not None:
            return mistaken
    if not model.chat:
        if len(turns) == 1 and with_image and model.family not in TAKES_NO_TEXT:
            return model.prompt(turns[0].text)
        return ItemCode.TURNS_NOT_TAKEN.failure(
            f"A model of family {model.family} is asked one question about an image; it holds no "
            "conversation. Use a model that has a chat template."
        )
    prompt = model.templated(_messages(model, turns, with_image=with_image))
    for turn in turns:
        # Some templates leave out what the system says, or an earlier turn, without a word.
        if turn.text.strip() not in prompt:
            return ItemCode.TURNS_NOT_TAKEN.failure(
                f"The chat template of this {model.family} model leaves out what the {turn.role} "
                f"says: {shorten(turn.text, 200)!r}."
            )
    return prompt


def _messages(
    model: VisionLanguageModel, turns: Sequence[ChatTurn], *, with_image: bool
) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for role, text in turns:
        shown = with_image and role is ChatRole.USER
        if model.asking is Asking.CHAT_TEXT:
            content: Any = f"{model.image_token or '<image>'}{text}" if shown else text
        else:
            content = [{"type": "image"}] if shown else []
            content.append({"type": "text", "text": text})
        messages.append({"role": role.value, "content": content})
        with_image = with_image and not shown
    return messages
