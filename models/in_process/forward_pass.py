"""One pass of image and text through a model: the scores of what comes next, or of given texts.

The uniform way, the same for every family: a text's tokens are put behind the prompt, with all that
goes along with tokens, and everything goes through the model at once. No cache is made, so none can
be wrong.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from alignbench.models.in_process.model_inputs import Tensors, extended, repeated
from alignbench.models.in_process.vision_language import VisionLanguageModel


def placed_inputs(
    model: VisionLanguageModel,
    images: Sequence[Image.Image],
    instruction: str | Sequence[str] | None,
    *,
    close_thought: bool = False,
) -> Tensors:
    """Returns what the model is called with for images, where the model is."""
    inputs = model.prepare(images, instruction, close_thought=close_thought)
    placed: Tensors = dict(inputs.to(model.model.device, model.model.dtype))
    return placed


@torch.inference_mode()
def next_scores(
    model: VisionLanguageModel, image: Image.Image, instruction: str | None
) -> torch.Tensor:
    """Returns the scores (vocabulary) of the first token that the model would write."""
    inputs = begun(model, placed_inputs(model, [image], instruction))
    if model.has_encoder:
        start = torch.tensor([[model.decoder_start]], device=model.model.device)
        inputs = {"decoder_input_ids": start, **inputs}
    scores: torch.Tensor = model.model(**inputs).logits[0, -1].float()
    return scores


@torch.inference_mode()
def text_scores(
    model: VisionLanguageModel,
    inputs: Tensors,
    ids: torch.Tensor,
    mask: torch.Tensor,
    kind: int = 0,
) -> torch.Tensor:
    """Returns the scores (texts, length, vocabulary) that each token of texts is written by.

    Args:
        model: A loaded model.
        inputs: One image and prompt, as `begun` gives them.
        ids: Tokens of the texts, filled up on the right (texts, length).
        mask: Where there are any (texts, length).
        kind: See `extended`.
    """
    rows = repeated(inputs, len(ids))
    scores: torch.Tensor
    if model.has_encoder:
        start = torch.full_like(ids[:, :1], model.decoder_start or 0)
        rows.pop("decoder_attention_mask", None)
        before = rows.pop("decoder_input_ids", start)  # Pix2Struct's prompt is the decoder's
        decoded = torch.cat([before, ids[:, :-1]], dim=1)
        scores = model.model(**rows, decoder_input_ids=decoded).logits
        return scores[:, before.shape[1] - 1 :]
    # The scores of a token stand at the place before it. Some models put the image's places first.
    whole = extended(rows, ids, mask, kind)
    scores = model.model(**whole, **last_scores_only(model, ids.shape[1] + 1)).logits
    return scores[:, -ids.shape[1] - 1 : -1]


def last_scores_only(model: VisionLanguageModel, count: int) -> dict[str, int]:
    """Returns what spares a model the scores of an image's places, where it can be spared them."""
    known = inspect.signature(model.model.forward).parameters
    return {"logits_to_keep": count} if "logits_to_keep" in known else {}


def begun(model: VisionLanguageModel, inputs: Tensors) -> Tensors:
    """Returns an input of one image with the tokens that `generate` would begin at.

    A family that is told nothing begins at a token of its own; BLIP puts its own in place of the
    tokenizer's first, and leaves the last one out.
    """
    if model.has_encoder:
        return inputs
    config: Any = model.model.config
    begin = model.tokenizer.bos_token_id
    if begin is None:
        begin = model.tokenizer.cls_token_id
    if model.family in ("blip", "blip-2"):
        begin = config.text_config.bos_token_id
    ids = inputs.get("input_ids")
    if ids is None:
        image = (
            [config.image_token_id] * config.num_query_tokens if model.family == "blip-2" else []
        )
        ids = torch.tensor([[*image, begin]], device=model.model.device)
    elif model.family == "blip":
        ids = torch.cat([torch.full_like(ids[:, :1], begin), ids[:, 1:-1]], dim=1)
    else:
        return inputs
    return {**inputs, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
