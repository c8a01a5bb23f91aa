"""How many places a model's decoder counts, and how many of them a prompt leaves.

A decoder that has learned each place fails beyond the last one (`IndexError`); one that computes
them goes on, and writes worse. Neither is asked for more than it has.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import torch

_NAMES: Final = ("max_position_embeddings", "n_positions", "max_target_positions")
_LEARNED: Final = ("position_embeddings", "embed_positions", "wpe")


class PromptLengths(NamedTuple):
    """What a decoder has and what a batch's prompts take of it.

    Attributes:
        positions: Places that it has; None where it says of none.
        longest: Places of the longest prompt.
    """

    positions: int | None
    longest: int

    @property
    def room(self) -> int | None:
        """How many tokens can be written; None where nothing limits them."""
        return None if self.positions is None else self.positions - self.longest


def positions(model: Any) -> int | None:
    """Returns how many places a model's decoder has; None where its configuration says of none."""
    config = model.config
    decoder = getattr(config, "decoder", None) or config.get_text_config(decoder=True)
    found = [getattr(decoder, name, None) for name in _NAMES]
    counted = [int(value) for value in found if isinstance(value, int) and value > 0]
    if not counted:
        return None
    return counted[0] - _places_for_padding(model, counted[0])


def prompt_lengths(model: Any, inputs: Mapping[str, Any], *, has_encoder: bool) -> PromptLengths:
    """Returns what a batch's prompts take of a decoder's places.

    Args:
        model: A loaded model.
        inputs: What it is called with.
        has_encoder: Whether the prompt is read by an encoder, so that one place is taken only.
    """
    ids = inputs.get("input_ids")
    if ids is None or has_encoder:
        return PromptLengths(positions(model), 1)
    mask = inputs.get("attention_mask")
    longest = ids.shape[1] if mask is None else int(mask.sum(dim=1).max())
    return PromptLengths(positions(model), longest)


def _places_for_padding(model: Any, count: int) -> int:
    """Returns how many places of a table of `count` learned ones are kept for padding (RoBERTa)."""
    for name, part in model.named_modules():
        is_table = isinstance(part, torch.nn.Embedding) and name.endswith(_LEARNED)
        if is_table and part.num_embeddings == count and part.padding_idx is not None:
            return int(part.padding_idx) + 1
    return 0
