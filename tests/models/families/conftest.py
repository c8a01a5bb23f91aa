"""Tiny models are saved once each, and what was seen of them goes into the page's tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
import torch

from tests.models.families.family import Family
from tests.models.families.speaking import DIGITS, LETTERS, save_speaking


class Buildable(Protocol):
    """A row of any of the tables."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def build(self) -> Callable[[Path], object]:
        """Saves a tiny model of it in a folder."""


class Folders:
    """Where a family's tiny models are; made when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def writing_letters(self, family: Family) -> Path:
        """A model that writes letters."""
        return self._speaking(family, "letters", LETTERS)

    def writing_digits(self, family: Family) -> Path:
        """A model that writes numbers."""
        return self._speaking(family, "digits", DIGITS)

    def plain(self, family: Buildable) -> Path:
        """A model as it was built."""
        folder = self._root / family.name
        if not folder.exists():
            folder.mkdir()
            torch.manual_seed(7)
            family.build(folder)
        return folder

    def _speaking(self, family: Family, kind: str, letters: str) -> Path:
        folder = self._root / f"{family.name} {kind}"
        return folder if folder.exists() else save_speaking(self.plain(family), letters, folder)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("families"))


class Outcomes:
    """What this run has shown.

    Attributes:
        shown: A family, and something it was used for with the outcome that the table says.
    """

    def __init__(self) -> None:
        self.shown: set[tuple[str, str]] = set()

    def add(self, family: str, use: str) -> None:
        """Notes that a use of a family ended as the table says."""
        self.shown.add((family, use))


@pytest.fixture(scope="session")
def outcomes() -> Outcomes:
    return Outcomes()
