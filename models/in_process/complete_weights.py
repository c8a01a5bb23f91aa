"""Whether a model's files hold all of its weights.

`from_pretrained` fills what is not there with random numbers, and so does it with what has another
shape, and only logs it: such a model runs, and writes something else with each start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from alignbench.models.errors import IncompleteWeightsError

REPORTED: Final = {"output_loading_info": True, "ignore_mismatched_sizes": True}
"""What `from_pretrained` is asked for, so that it returns a model and what was wrong with it.

Mismatched shapes are let through by the library to be refused here, by their names.
"""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class LoadedTensors:
    """What of a model's tensors stood in its files.

    Attributes:
        missing: Names of those that did not, which are random numbers now.
        mismatched: Names, and both shapes, of those that stood there in another shape.
        unexpected: Names of those in the files that the model does not have.
    """

    missing: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether no tensor is made up."""
        return not self.missing and not self.mismatched

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "LoadedTensors":
        """Reads the report that `from_pretrained` gives when asked with `REPORTED`."""
        return cls(
            tuple(sorted(report["missing_keys"])),
            tuple(
                sorted(
                    f"{name} ({_shape(found)} for {_shape(wanted)})"
                    for name, found, wanted in report["mismatched_keys"]
                )
            ),
            tuple(sorted(report["unexpected_keys"])),
        )


def without_idle(
    model: torch.nn.Module, loaded: LoadedTensors, run: Callable[[], Sequence[torch.Tensor]]
) -> LoadedTensors:
    """Returns what is left of `loaded` without tensors that are missing and play no part.

    Some published files lack tensors that the class has and never uses for what it is asked here,
    such as the pooler of an encoder whose whole output goes to a decoder. A tensor plays a part if
    what the model gives is no number once the tensor is none.

    Args:
        model: As it was loaded; its missing tensors are zero afterwards if they play no part.
        loaded: What was missing.
        run: Puts something through the model, and returns all that is used of what it gives.
    """
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    suspects = [tensors[name] for name in loaded.missing if name in tensors]
    if len(suspects) < len(loaded.missing) or not all(t.is_floating_point() for t in suspects):
        return loaded
    with torch.no_grad():
        before = [tensor.clone() for tensor in suspects]
        for tensor in suspects:
            tensor.fill_(torch.nan)
        given = run()
        is_idle = all(bool(torch.isfinite(one).all()) for one in given)
        for tensor, old in zip(suspects, before, strict=True):
            tensor.copy_(torch.zeros_like(old) if is_idle else old)
    return LoadedTensors((), loaded.mismatched, loaded.unexpected) if is_idle else loaded


def check_complete(loaded: LoadedTensors, source: str, part: str = "") -> None:
    """Checks that no tensor of a model is made up.

    Args:
        loaded: What stood in its files.
        source: The model's name or folder.
        part: Of a model of several parts, the one that was loaded.

    Raises:
        IncompleteWeightsError: Some are, by name.
    """
    if loaded.is_complete:
        return
    of = f"{source}, part {part!r}," if part else source
    told = []
    if loaded.missing:
        told.append(f"{_count(loaded.missing)} missing: {_listed(loaded.missing)}")
    if loaded.mismatched:
        told.append(f"{_count(loaded.mismatched)} of another shape: {_listed(loaded.mismatched)}")
    raise IncompleteWeightsError(
        f"{of} does not hold all weights of the model. {'; '.join(told)}. "
        "They would be random numbers.",
        "Name a model that was saved for this use, or fetch its files again; a part that was left "
        "out when the model was saved must be saved too.",
    )


def _count(names: Sequence[str]) -> str:
    return f"{len(names):,} tensor{'' if len(names) == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _shape(size: Sequence[int]) -> str:
    return "×".join(str(length) for length in size) or "a number"
