"""Loading a model: quietly, and with errors that say what to do about them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alignbench.models.in_process.library_errors import translated
from alignbench.models.in_process.weights import Weights


@contextmanager
def loading(weights: Weights) -> Iterator[None]:
    """Turns what the libraries raise while they load a model into errors for the operator.

    Their progress bars and advice to programmers are kept out of what people look at.

    Raises:
        PickledWeightsError: The model has no safetensors.
        ModelNotFoundError: It cannot be had.
        MissingExtraError: It needs a package that is not installed.
        UnsupportedModelError: It is of a kind that is not run here.
    """
    _quiet_libraries()
    try:
        yield
    except Exception as error:
        for_operator = translated(error, weights.source)
        if for_operator is None:
            raise
        raise for_operator from None


def _quiet_libraries() -> None:
    from huggingface_hub.utils import disable_progress_bars
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    disable_progress_bars()
