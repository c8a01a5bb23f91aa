"""Loading a model: quietly, and with errors that say what to do about them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alignbench.models.errors import ModelNotFoundError, PickledWeightsError
from alignbench.models.in_process.weights import Weights
from alignbench.schemas.errors import MissingExtraError


@contextmanager
def loading(weights: Weights) -> Iterator[None]:
    """Turns what the libraries raise while they load a model into errors for the operator.

    Their progress bars and advice to programmers are kept out of what people look at.

    Raises:
        PickledWeightsError: The model has no safetensors.
        ModelNotFoundError: It cannot be had.
        MissingExtraError: It needs a package that is not installed.
    """
    _quiet_libraries()
    try:
        yield
    except OSError as error:
        if "safetensors" in str(error):
            raise PickledWeightsError(
                f"{weights.source} has no weights as safetensors; a pickle can run any code.",
                "Take a revision that has them, or convert the model.",
            ) from None
        raise ModelNotFoundError(
            f"{weights.source} cannot be loaded: {str(error).splitlines()[0]}",
            "Check the name, the network and the token in HF_TOKEN, or give a local folder.",
        ) from None
    except ImportError as error:  # the libraries tell of a missing package over several lines
        raise MissingExtraError(
            f"{weights.source} cannot be loaded: {' '.join(str(error).split())}",
            "Install that package into AlignBench's environment; torchvision in the build that "
            "fits the installed PyTorch.",
        ) from None


def _quiet_libraries() -> None:
    from huggingface_hub.utils import disable_progress_bars
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    disable_progress_bars()
