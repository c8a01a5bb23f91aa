"""A model's input as the processor made it: which of its tensors go along with the tokens.

A processor gives, beside `input_ids`, tensors that say something of each token (masks, kinds,
which images it looks at) and tensors of the image. A text is made longer or shorter by doing the
same to every tensor of the first sort. Their names differ from family to family; their shape,
(rows, length, …), does not.
"""

from collections.abc import Mapping
from typing import Any, Final

import torch

_OF_IMAGES: Final = ("pixel", "image_grid", "image_sizes", "video", "qformer", "spatial_shapes")
"""Beginnings of the names of tensors whose second axis never is the text's, equal as it may be."""
_PLACES: Final = "position_ids"

Tensors = dict[str, Any]
"""What a model is called with; mostly tensors."""


def along_tokens(inputs: Mapping[str, Any]) -> list[str]:
    """Returns the names of the tensors that go along with the tokens, `input_ids` among them."""
    ids = inputs["input_ids"]
    return [
        name
        for name, value in inputs.items()
        if isinstance(value, torch.Tensor)
        and value.dim() >= ids.dim()
        and value.shape[:2] == ids.shape
        and not name.startswith(_OF_IMAGES)
    ]


def repeated(inputs: Mapping[str, Any], rows: int) -> Tensors:
    """Returns the input of one image and text, `rows` times, one after another."""
    return {
        name: value.repeat(rows, *[1] * (value.dim() - 1))
        if isinstance(value, torch.Tensor)
        else value
        for name, value in inputs.items()
    }


def extended(
    inputs: Mapping[str, Any], ids: torch.Tensor, mask: torch.Tensor, kind: int = 0
) -> Tensors:
    """Returns an input with further tokens at the end of each row.

    Args:
        inputs: As many rows as there are in `ids`.
        ids: What comes behind (rows, further).
        mask: Where of it there is anything (rows, further).
        kind: The further tokens' type, for models that tell text from images, or what is given
            from what is written, by a type of each token.
    """
    longer = dict(inputs)
    for name in along_tokens(inputs):
        value: torch.Tensor = inputs[name]
        if name == "input_ids":
            further = ids
        elif name == "attention_mask":
            further = mask.to(value)
        elif name == _PLACES:
            further = value[:, -1:] + torch.arange(1, ids.shape[1] + 1, device=value.device)
        elif value.dim() > 2:  # what the last token looks at, those behind it look at
            further = value[:, -1:].expand(-1, ids.shape[1], *value.shape[2:])
        else:
            further = torch.full_like(ids, kind).to(value)
        longer[name] = torch.cat([value, further], dim=1)
    return longer


def shortened(inputs: Mapping[str, Any], length: int) -> Tensors:
    """Returns an input whose rows end after so many tokens."""
    return {**inputs, **{name: inputs[name][:, :length] for name in along_tokens(inputs)}}
