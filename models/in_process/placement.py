"""Where a model runs, and in which numbers."""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.protocols import Options

if TYPE_CHECKING:
    import torch


class InProcessOptions(Options):
    """How a model is run in this process; none of it is part of a generator's identity.

    Attributes:
        device: `auto` (CUDA, else Apple's MPS, else the processor), or a name such as `cuda:1`.
        dtype: `auto` is bfloat16, or float16 where the GPU has no bfloat16, and float32 on the
            processor.
        attention: The attention that is asked for; `auto` leaves it to the library, which takes
            PyTorch's own (SDPA) for models that can.
        forward_batch: How many items the model takes at once; halved when memory runs out.
        trust_remote_code: Run code that comes with the weights; the catalog must say so too.
    """

    device: str = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    forward_batch: Annotated[int, Field(ge=1, le=4096)] = 8
    trust_remote_code: bool = False


class Placement(NamedTuple):
    """A device and the type of numbers used on it."""

    device: "torch.device"
    dtype: "torch.dtype"

    def lineage(self) -> dict[str, JsonValue]:
        """Returns what of this changes the last digits of a result."""
        import torch

        name = str(self.device)
        if self.device.type == "cuda":
            name = f"{name} {torch.cuda.get_device_name(self.device)}"
        return {
            "torch": torch.__version__,
            "device": name,
            "dtype": str(self.dtype).removeprefix("torch."),
        }


def gpus_needed(options_type: type[Options], said: float | None) -> float | None:
    """Returns how many GPUs a process needs for a model; None for one where there are any.

    Args:
        options_type: How its backend is run.
        said: What the configuration or the catalog says.
    """
    if said is not None:
        return said
    return None if issubclass(options_type, InProcessOptions) else 0.0


def choose_placement(options: InProcessOptions) -> Placement:
    """Returns where a model is to run.

    Raises:
        ConfigError: The device that is asked for is not there.
    """
    import torch

    name = _best_device() if options.device == "auto" else options.device
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"The device {name!r} cannot be used: {str(error).splitlines()[0]}",
            "Set device to one that PyTorch finds here, or leave it out.",
        ) from None
    return Placement(device, _dtype(options.dtype, device))


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _dtype(name: str, device: "torch.device") -> "torch.dtype":
    import torch

    if name != "auto":
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float16
