"""Sampling in which each item has a random generator of its own.

`generate` draws for a whole batch from one generator, so that what an item gets depends on its
neighbours. Here the scores of each row get Gumbel noise from that row's own generator on the
processor, and the largest is taken: a draw from the same distribution (Gumbel-max; Maddison et al.,
2014, "A* Sampling") that is the same in any batch and on any device with the same scores.
"""

from collections.abc import Sequence

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


class SeededNoise(LogitsProcessor):  # type: ignore[misc] # the library's class is untyped
    """Adds each row's own Gumbel noise to its scores; the largest is then a sample.

    Args:
        seeds: One for each row, in order.

    Attributes:
        was_asked: Whether noise was asked for: not every `generate` passes its processors on.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.was_asked = False
        self._generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Returns scores (rows, vocabulary) with noise on them."""
        self.was_asked = True
        shape = scores.shape[1:]
        drawn = [torch.empty(shape).exponential_(generator=g) for g in self._generators]
        return scores.float() - torch.stack(drawn).log().to(scores.device)


def seeded_sampling(
    noise: SeededNoise, temperature: float, top_k: int | None, top_p: float | None
) -> LogitsProcessorList:
    """Returns what makes greedy decoding sample.

    Args:
        noise: Of the rows.
        temperature: Above 0.
        top_k: Only so many of the likeliest tokens; all if None.
        top_p: Only the likeliest tokens that have this share; all if None.
    """
    steps = LogitsProcessorList()
    if temperature != 1.0:
        steps.append(TemperatureLogitsWarper(temperature))
    if top_k is not None:
        steps.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        steps.append(TopPLogitsWarper(top_p))
    steps.append(noise)
    return steps
