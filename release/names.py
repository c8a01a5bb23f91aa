"""Which names of models and splits a release can be made of."""

import re
from collections.abc import Iterable
from typing import Final

from alignbench.release.errors import UnusableNameError
from alignbench.release_format.layout import VOTES

ALL_MODELS: Final = "all"
"""Config over all models' data; the default one."""

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SPLIT: Final = re.compile(r"\w+(\.\w+)*", re.ASCII)


def check_names(models: Iterable[str], splits: Iterable[str]) -> None:
    """Checks names that become folders, dataset configs and splits.

    Raises:
        UnusableNameError: One of them cannot.
    """
    for split in splits:
        if not _SPLIT.fullmatch(split):
            raise UnusableNameError(
                f"The split name {split!r} cannot be loaded by datasets.",
                "Use letters, digits and '_' only, such as 'test', in [release] splits.",
            )
    for model in models:
        if model in (ALL_MODELS, VOTES):
            raise UnusableNameError(
                f"A model is named {model!r}, which is the name of another config of a release.",
                "Give the captioner or image generator another name.",
            )
        if not _MODEL.fullmatch(model):
            raise UnusableNameError(
                f"The model name {model!r} cannot be a folder of a release.",
                "Use up to 64 letters, digits, '.', '_' and '-', a letter or digit first.",
            )
