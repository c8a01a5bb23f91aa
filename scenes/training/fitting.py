"""The one training loop: AdamW, a warm-up and a cosine, and a budget of steps or of minutes."""

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
        steps: Batches; not counted if `minutes` are given.
        scenes: How many different scenes are drawn to learn from.
        seed: Of the weights, the scenes and the batches.
        device: A torch device.
        minutes: Trains for so long instead.
    """

    steps: int
    scenes: int
    seed: int
    device: str = "cpu"
    minutes: float | None = None

    def progress(self, step: int, started: float) -> float:
        """Gives how much of the budget is spent, from 0 to 1; `started` is a monotonic time."""
        if self.minutes is None:
            return step / self.steps
        return min(1.0, (time.monotonic() - started) / (60 * self.minutes))


class Fitted(NamedTuple):
    """What a training took, and the mean loss of its last steps."""

    steps: int
    seconds: float
    cpu_seconds: float
    loss: float


def fit(
    name: str,
    parameters: Iterable[torch.nn.Parameter],
    loss_of: Callable[[], torch.Tensor],
    run: Run,
    peak: float,
) -> Fitted:
    """Minimises a loss over batches that `loss_of` draws itself.

    Args:
        name: Stands before each line of progress.
        parameters: What is trained.
        loss_of: Gives the loss of the next batch.
        run: When to stop; the learning rate follows it.
        peak: The highest learning rate.
    """
    trained = list(parameters)
    optimiser = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.98), weight_decay=_WEIGHT_DECAY)
    started, cpu_started = time.monotonic(), time.process_time()
    step, recent = 0, 0.0
    while (progress := run.progress(step, started)) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = peak * _rate(progress)
        loss = loss_of()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        optimiser.step()
        step += 1
        recent += (loss.item() - recent) / min(step, _REPORT_EVERY)
        if step % _REPORT_EVERY == 0:
            seconds = time.monotonic() - started
            print(  # noqa: T201 (a command's progress)
                f"{name}: step {step}, {progress:.0%}, loss {recent:.4f}, {seconds:.0f} s",
                flush=True,
            )
    return Fitted(
        step, time.monotonic() - started, time.process_time() - cpu_started, round(recent, 4)
    )


def _rate(progress: float) -> float:
    if progress < _WARM_UP:
        return max(progress / _WARM_UP, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))
