"""What to run where a detector's model is not named, or cannot be fetched."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from alignbench.models.errors import ModelNotFoundError
from alignbench.models.in_process.weights import PACKAGE
from alignbench.schemas.configuration.catalog import catalog
from alignbench.schemas.vocabulary import ModelKind

_RUNS_MODELS_OF: Final = {
    "clip": (ModelKind.DETECTOR, "clip"),
    "clip4dm": (ModelKind.DETECTOR, "clip"),
    "refclip": (ModelKind.DETECTOR, "clip"),
    "likelihood": (ModelKind.CAPTIONER, "transformers"),
}
"""For plug-ins that can run a model that comes with a package: kind and backend of such models."""

_WITHOUT_A_MODEL: Final = "'sentence_length', 'constant' and --scores FILE"

_TO_TAKE: Final = {
    "vlm": "smolvlm-2b",
    "clip": "clip-vit-b-32",
    "siglip": "siglip-so400m",
    "itm": "blip-itm-base",
    "likelihood": "blip-large",
}
"""The model of the catalog that is named where none is: a small one that many people use."""


def check_model_is_named(name: str, backend: str, repo: str) -> None:
    """Checks that a detector which runs a model has one.

    Raises:
        ModelNotFoundError: It has none; the message names one to take.
    """
    if repo:
        return
    model = catalog().get(_TO_TAKE.get(backend, ""))
    example = "FOLDER" if model is None else model.repo
    raise ModelNotFoundError(
        f"The detector {name!r} runs a model, and none is named.",
        f"Name one, such as {backend}:repo={example}; 'alignbench models' lists others, and a "
        f"folder will do. {what_runs_offline()}",
    )


@contextmanager
def naming_what_runs_offline() -> Iterator[None]:
    """Adds to the error of a model that cannot be had which detectors need no network."""
    try:
        yield
    except ModelNotFoundError as error:
        raise ModelNotFoundError(error.what, f"{error.fix} {what_runs_offline()}") from None


def what_runs_offline() -> str:
    """Returns a sentence with the detectors that run without a network, as they are typed."""
    inside = [model for model in catalog().values() if model.repo.startswith(PACKAGE)]
    typed = [
        f"{backend}:repo={model.repo}"
        for backend, (kind, runs) in _RUNS_MODELS_OF.items()
        for model in inside
        if (model.kind, model.backend) == (kind, runs)
    ]
    models = f" and, with tiny models of drawn scenes, {', '.join(typed)}" if typed else ""
    return f"What runs without a network: {_WITHOUT_A_MODEL}{models}."
