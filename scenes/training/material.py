"""What the models learn from: drawn scenes as arrays, and their texts as token ids."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from alignbench.scenes.drawing import draw_scene
from alignbench.scenes.scene import Scene

IGNORED = -100
"""The label that a loss leaves out."""


class Tokenizer(Protocol):
    """As much of a tokenizer as training needs."""

    pad_token_id: int

    def __call__(self, text: str) -> dict[str, list[int]]:
        """Gives `input_ids`, special tokens included."""


def pictures(scenes: Iterable[Scene], side: int) -> torch.Tensor:
    """Draws scenes and scales them as an image processor does: uint8, (n, 3, side, side)."""
    drawn = [_scaled(draw_scene(scene), side) for scene in scenes]
    return torch.from_numpy(np.stack(drawn).transpose(0, 3, 1, 2).copy())


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Maps bytes to -1 ... 1, as a mean and standard deviation of one half do."""
    return images.float() / 127.5 - 1.0


def token_ids(texts: Sequence[str], tokenizer: Tokenizer, length: int) -> torch.Tensor:
    """Gives the ids of texts, padded to `length`: int64, (n, length).

    Raises:
        ValueError: If a text is longer.
    """
    rows = torch.full((len(texts), length), tokenizer.pad_token_id)
    for row, text in zip(rows, texts, strict=True):
        ids = tokenizer(text)["input_ids"]
        if len(ids) > length:
            raise ValueError(f"{len(ids)} tokens do not fit in {length}: {text}")
        row[: len(ids)] = torch.tensor(ids)
    return rows


def without_padding(ids: torch.Tensor, padding: int) -> torch.Tensor:
    """Leaves out the columns that hold nothing but padding, of which one may be a token."""
    longest = (ids != padding).sum(dim=1).max()
    return ids[:, : int(longest) + 1]


def _scaled(image: Image.Image, side: int) -> NDArray[np.uint8]:
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
