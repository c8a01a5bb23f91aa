"""What transformers, diffusers and huggingface_hub raise, as errors that say what to do.

This is the one place that knows their exceptions. They share no base: a missing network alone is
an error of `httpx2`, of `httpx` or of `requests`, depending on the version of huggingface_hub, and
none of them is an `OSError`.
"""

import re
from typing import Final

from alignbench.models.errors import ModelNotFoundError, PickledWeightsError, UnsupportedModelError
from alignbench.schemas.errors import AlignBenchError, MissingExtraError

_NETWORK_PACKAGES: Final = frozenset({"httpx", "httpx2", "httpcore", "requests", "urllib3"})
_NETWORK: Final = "Check the name, the network and the token in HF_TOKEN, or give a local folder."
_INSTALL: Final = (
    "Install that package into AlignBench's environment; torchvision in the build that fits the "
    "installed PyTorch."
)
_NEEDS_PACKAGE: Final = re.compile(
    r"requires? the .+ librar|no image processor found|backend.* not available|"
    r"not (?:available|installed)\b.*\btorchvision|torchvision.*not (?:available|installed)",
    re.IGNORECASE | re.DOTALL,
)
_UNKNOWN_KIND: Final = re.compile(
    r"Unrecognized (?:configuration class|model|image processor|processing class)|"
    r"does not recognize this architecture|has no attribute '\w*Pipeline\w*'|"
    r"\w+ is not (?:a|an) .*Pipeline",
)
_REMOTE_CODE: Final = "trust_remote_code"


def translated(error: Exception, source: str) -> AlignBenchError | None:
    """Returns what an operator is told of an exception that a library raised.

    Args:
        error: What was raised while a model was looked up or loaded.
        source: The model's name or folder.

    Returns:
        None for an exception of our own, one of memory, and anything that a bug may be.
    """
    if isinstance(error, AlignBenchError):
        return None
    said = " ".join(str(error).split())
    if is_network(error):
        return ModelNotFoundError(
            f"{source} cannot be fetched: {type(error).__name__}: {said or 'no connection'}.",
            _NETWORK,
        )
    if isinstance(error, ImportError) or _NEEDS_PACKAGE.search(said):
        return MissingExtraError(f"{source} cannot be loaded: {said}", _INSTALL)
    if _REMOTE_CODE in said:
        return UnsupportedModelError(
            f"{source} comes with code of its own, which is not run.",
            "Set trust_remote_code if the catalog's entry has it too and you trust the author, or "
            "name a model that the installed libraries know.",
        )
    if _UNKNOWN_KIND.search(said):
        return UnsupportedModelError(
            f"{source} is of a kind that is not run here: {_first_sentence(said)}",
            "Name a model of the kind that is asked for, or install newer versions of "
            "transformers and diffusers.",
        )
    if type(error).__name__ == "SafetensorError":
        return ModelNotFoundError(
            f"{source} has a damaged file of weights: {said}.", "Fetch or copy it again."
        )
    if isinstance(error, OSError):
        if "safetensors" in said:
            return PickledWeightsError(
                f"{source} has no weights as safetensors; a pickle can run any code.",
                "Take a revision that has them, or convert the model.",
            )
        return ModelNotFoundError(
            f"{source} cannot be loaded: {str(error).strip().splitlines()[0]}"
            if said
            else f"{source} cannot be loaded: {type(error).__name__}.",
            _NETWORK,
        )
    return None


def is_network(error: BaseException) -> bool:
    """Tells whether an exception, or one behind it, is that the network was not to be had."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, ConnectionError | TimeoutError):
            return True
        roots = {kind.__module__.partition(".")[0] for kind in type(at).__mro__}
        # An answer that says no (a repository that is gated, or not there) is no missing network.
        if roots & _NETWORK_PACKAGES and getattr(at, "response", None) is None:
            return True
        at = at.__cause__ or at.__context__
    return False


def _first_sentence(said: str) -> str:
    return said.partition(". ")[0].rstrip(".")[:300] + "."
