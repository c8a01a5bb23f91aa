"""What each token of a text gives to its similarity with an image, from attention gradients.

CLIP4DM (Nam et al., AAAI 2025, arXiv 2412.18404): for layer l and head h of the text tower with
attention A, the gradient of the cosine with respect to A, times A, item by item and **without**
ReLU, so that what speaks against the image keeps its sign; then the mean over heads and the mean
over layers. A token's attribution stands in the row of the token that the text is pooled at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

import torch

_LEGACY_END: Final = 2
"""The end token of configurations that mean the highest token instead (see `CLIPTextModel`)."""

Gradient = Literal["full", "negative_heads", "negative_layers"]
"""What of the gradient counts; the paper's poster compares the full one with the other two."""


class Attributions(NamedTuple):
    """Of a batch of texts.

    Attributes:
        cosine: With the image: (texts,).
        tokens: What each token gives: (texts, length).
        ends: Place of the token that each text is pooled at: (texts,).
    """

    cosine: torch.Tensor
    tokens: torch.Tensor
    ends: torch.Tensor


def token_attributions(
    model: Any,
    tokens: dict[str, torch.Tensor],
    images: torch.Tensor,
    start: int,
    end: int | None,
    counted: Gradient = "full",
) -> Attributions:
    """Returns the attributions of a batch; every text has an image of its own.

    Layers below the first chosen one are run without a graph, and the gradients of all texts are
    had from one backward pass, since no text depends on another.

    Args:
        model: A `CLIPModel` whose text tower has eager attention and frozen weights.
        tokens: `input_ids` and `attention_mask`.
        images: Vectors of length 1, one for each text.
        start: First layer that counts, from the end if negative.
        end: Layer before which it ends; all if None.
        counted: What of the gradient counts.
    """
    layers = list(model.text_model.encoder.layers)
    chosen = layers[start:end]
    with torch.enable_grad(), _recorded(chosen) as attentions:
        output = model.get_text_features(**tokens)
        vectors = output if isinstance(output, torch.Tensor) else output.pooler_output
        vectors = vectors / vectors.norm(dim=-1, keepdim=True)
        cosine = (vectors * images).sum(dim=-1)
        gradients = torch.autograd.grad(cosine.sum(), attentions)
    ends = _pooled_at(model, tokens["input_ids"])
    rows = torch.arange(len(ends), device=ends.device)
    total = torch.zeros(tokens["input_ids"].shape, device=ends.device)
    for attention, gradient in zip(attentions, gradients, strict=True):
        if counted == "negative_heads":
            gradient = gradient.clamp(max=0)
        of_heads = (attention * gradient)[rows, :, ends].detach().float().mean(dim=1)
        total += of_heads.clamp(max=0) if counted == "negative_layers" else of_heads
    return Attributions(cosine.detach().float(), total / len(attentions), ends)


@contextmanager
def _recorded(layers: list[Any]) -> Iterator[list[torch.Tensor]]:
    """Collects the layers' attentions (texts, heads, length, length), and begins a graph there."""
    attentions: list[torch.Tensor] = []

    def begin(module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:  # noqa: ARG001
        return inputs[0].detach().requires_grad_(), *inputs[1:]

    def keep(module: Any, inputs: Any, output: tuple[torch.Tensor, torch.Tensor]) -> None:  # noqa: ARG001
        attentions.append(output[1])

    hooks = [layers[0].register_forward_pre_hook(begin)]
    hooks += [layer.self_attn.register_forward_hook(keep) for layer in layers]
    try:
        yield attentions
    finally:
        for hook in hooks:
            hook.remove()


def _pooled_at(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Returns the place of each text's pooled token, as `CLIPTextModel` finds it."""
    end = model.config.text_config.eos_token_id
    if end == _LEGACY_END:
        return ids.argmax(dim=-1)
    is_end: torch.Tensor = ids == end
    return is_end.int().argmax(dim=-1)
