"""Loading a text-to-image pipeline of the diffusers library, every part of it whole."""

from typing import Any, Final

import torch

from alignbench.models.errors import UnsupportedModelError
from alignbench.models.in_process.complete_weights import REPORTED, LoadedTensors, check_complete
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import Placement
from alignbench.models.in_process.weights import Weights

_LIBRARIES: Final = ("diffusers", "transformers")


def load_pipeline(
    weights: Weights, placement: Placement, *, variant: str | None, trust_remote_code: bool
) -> Any:
    """Loads a pipeline, on the processor.

    A pipeline does not tell what is missing in its parts, so each model in it is loaded first, and
    handed over.

    Args:
        weights: Where it is.
        placement: What it reckons in.
        variant: Files of that name among the weights, where a part has them.
        trust_remote_code: Whether code that comes with it is run.

    Raises:
        PickledWeightsError: It has no safetensors.
        ModelNotFoundError: It cannot be had.
        IncompleteWeightsError: One of its parts lacks some of its weights.
        UnsupportedModelError: It is no pipeline that is known, or makes no image from a prompt.
    """
    import diffusers

    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    source: dict[str, Any] = {"revision": weights.revision}
    with loading(weights):
        listed = diffusers.DiffusionPipeline.load_config(weights.source, **source)
        parts = {
            name: _loaded_part(weights, name, kind, placement, variant)
            for name, entry in listed.items()
            if (kind := _model_class(entry)) is not None
        }
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            weights.source,
            **source,
            **parts,
            variant=variant,
            dtype=placement.dtype,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _model_class(entry: object) -> Any:
    """Returns the class of a part with weights; None for any other entry of a pipeline's list."""
    if not (isinstance(entry, list | tuple) and len(entry) == 2):
        return None
    library, name = entry
    if library not in _LIBRARIES or not isinstance(name, str):
        return None
    import diffusers
    import transformers

    found = getattr(diffusers if library == "diffusers" else transformers, name, None)
    is_model = isinstance(found, type) and issubclass(found, torch.nn.Module)
    return found if is_model else None


def _loaded_part(
    weights: Weights, name: str, kind: Any, placement: Placement, variant: str | None
) -> Any:
    asked: dict[str, Any] = {
        "subfolder": name,
        "revision": weights.revision,
        "dtype": placement.dtype,
        "use_safetensors": True,
        **REPORTED,
    }
    try:
        model, report = kind.from_pretrained(weights.source, variant=variant, **asked)
    except OSError:
        if variant is None:
            raise
        # Not every part of a pipeline has files of the variant.
        model, report = kind.from_pretrained(weights.source, **asked)
    check_complete(LoadedTensors.of(report), weights.source, name)
    return model


def check_makes_images(pipeline: Any, source: str) -> None:
    """Checks that a pipeline takes a prompt.

    Raises:
        UnsupportedModelError: It does not.
    """
    import inspect

    known = inspect.signature(pipeline.__call__).parameters
    needs = [
        name for name, parameter in known.items()
        if parameter.default is parameter.empty and name not in ("prompt", "self")
        and parameter.kind is not parameter.VAR_KEYWORD
    ]  # fmt: skip
    if "prompt" not in known or needs:
        wants = f"needs {', '.join(needs)}" if needs else "takes no prompt"
        raise UnsupportedModelError(
            f"{source} is a {type(pipeline).__name__}, which {wants}.", TEXT_TO_IMAGE
        )


TEXT_TO_IMAGE: Final = (
    "Name a pipeline that makes an image from a prompt alone. One that edits images, or does one "
    "of two stages, is no image generator by itself."
)
