"""The scores of texts behind one image, the image read once and remembered for all of them.

Quicker than `forward_pass.text_scores`, and not right for every family: what a cache holds, and how
places are counted behind it, is each family's own. So it is used only where the two were compared
(`probes.likelihood`).
"""

from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from alignbench.models.in_process.forward_pass import last_scores_only
from alignbench.models.in_process.model_inputs import Tensors
from alignbench.models.in_process.vision_language import VisionLanguageModel


@torch.inference_mode()
def cached_text_scores(
    model: VisionLanguageModel, inputs: Tensors, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Returns what `text_scores` returns; the arguments are the same."""
    if model.has_encoder:
        return _decoded(model, inputs, ids)
    if model.family == "blip":
        return _looked_at(model, inputs, ids, mask)
    return _continued(model, inputs, ids, mask)


def _decoded(model: VisionLanguageModel, inputs: Tensors, ids: torch.Tensor) -> torch.Tensor:
    """Returns the scores of a model with an encoder, which reads image and prompt once."""
    start = torch.full_like(ids[:, :1], model.decoder_start or 0)
    seen = model.model(**inputs, decoder_input_ids=start[:1]).encoder_last_hidden_state
    of_prompt = {}
    if "attention_mask" in inputs:
        of_prompt["attention_mask"] = inputs["attention_mask"].repeat(len(ids), 1)
    output: torch.Tensor = model.model(
        encoder_outputs=BaseModelOutput(last_hidden_state=seen.repeat(len(ids), 1, 1)),
        decoder_input_ids=torch.cat([start, ids[:, :-1]], dim=1),
        **of_prompt,
    ).logits
    return output


def _looked_at(
    model: VisionLanguageModel, inputs: Tensors, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Returns the scores of BLIP, whose decoder looks at the image all along."""
    seen = model.model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state
    before = inputs["input_ids"].repeat(len(ids), 1)
    output: torch.Tensor = model.model.text_decoder(
        input_ids=torch.cat([before, ids], dim=1),
        attention_mask=torch.cat([torch.ones_like(before), mask], dim=1),
        encoder_hidden_states=seen.repeat(len(ids), 1, 1),
    ).logits
    return output[:, before.shape[1] - 1 : -1]


def _continued(
    model: VisionLanguageModel, inputs: Tensors, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Returns the scores of a decoder that has read image and prompt before."""
    read = model.model(**inputs, use_cache=True, **last_scores_only(model, 1))
    first: torch.Tensor = read.logits[:, -1:].expand(len(ids), -1, -1)
    if ids.shape[1] == 1:
        return first
    cache = read.past_key_values
    before = inputs["input_ids"].shape[1]
    repeat_cache(cache, len(ids))
    seen = torch.ones(len(ids), before, dtype=mask.dtype, device=mask.device)
    output = model.model(
        input_ids=ids[:, :-1],
        attention_mask=torch.cat([seen, mask[:, :-1]], dim=1),
        past_key_values=cache,
        use_cache=True,
        **_places(model, before, ids[:, :-1]),
    ).logits
    rest: torch.Tensor = output[:, -(ids.shape[1] - 1) :]
    return torch.cat([first, rest], dim=1)


def repeat_cache(cache: Any, rows: int) -> None:
    """Makes of the cache of one row one of `rows` rows, in place.

    Every kind of layer can be reordered, as beam search does; not every kind can be repeated.
    """
    cache.reorder_cache(torch.zeros(rows, dtype=torch.long))


def _places(model: VisionLanguageModel, before: int, ids: torch.Tensor) -> dict[str, Any]:
    """Returns the places of a text after an image, for models that count those of images in 2D.

    Behind a cache these models (Qwen-VL and its like) work it out for a single token only.
    """
    shift = getattr(getattr(model.model, "model", None), "rope_deltas", None)
    if shift is None:
        return {}
    places = torch.arange(before, before + ids.shape[1], device=ids.device) + shift.to(ids)
    return {"position_ids": places.expand(3, len(ids), -1)}
