"""The one training loop: AdamW, a warm-up and a cosine, for a fixed number of steps."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch

_WARM_UP = 0.05
_WEIGHT_DECAY = 0.02
_LARGEST_GRADIENT = 1.0
_REPORT_EVERY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a model is trained.

    Attributes:
        steps: How many batches it learns from.
        scenes: How many different scenes are drawn to learn from.
        seed: Of the weights, the scenes and the batches.
        device: A torch device.
    """

    steps: int
    scenes: int
    seed: int
    device: str = "cpu"


class Fitted(NamedTuple):
    """The steps that were made, and the mean loss of the last ones."""

    steps: int
    loss: float


def fit(
    name: str,
    parameters: Iterable[torch.nn.Parameter],
    loss_of: Callable[[], torch.Tensor],
    steps: int,
    peak: float,
) -> Fitted:
    """Minimises a loss over batches that `loss_of` draws itself.

    Args:
        name: Stands before each line of progress.
        parameters: What is trained.
        loss_of: Gives the loss of the next batch.
        steps: How many batches.
        peak: The highest learning rate.
    """
    trained = list(parameters)
    optimiser = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.98), weight_decay=_WEIGHT_DECAY)
    started, recent = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = peak * _rate(step / steps)
        loss = loss_of()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        optimiser.step()
        recent += (loss.item() - recent) / min(step, _REPORT_EVERY)
        if step % _REPORT_EVERY == 0 or step == steps:
            seconds = time.monotonic() - started
            print(  # noqa: T201 (a command's progress)
                f"{name}: step {step} of {steps}, loss {recent:.4f}, {seconds:.0f} s", flush=True
            )
    return Fitted(steps, round(recent, 4))


def _rate(progress: float) -> float:
    if progress < _WARM_UP:
        return progress / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))
