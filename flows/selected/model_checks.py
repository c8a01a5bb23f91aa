"""What checks of models found, kept in the workspace with each model's revision."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from alignbench.models.in_process.weights import PACKAGE
from alignbench.schemas import ids
from alignbench.schemas.rows.generation import Generator
from alignbench.workspace.stores.store import ObjectStore

_FOLDER: Final = "checks/models"
_CHECKED: Final = frozenset({"transformers", "diffusers"})
"""Backends whose models run in this process."""


class CheckedLine(BaseModel):
    """One finding; `state` is `ok`, `missing` or `note`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    check: str
    state: Literal["ok", "missing", "note"]
    found: str
    fix: str = ""


class ModelCheck(BaseModel):
    """One check of a model.

    Attributes:
        name: What the model was called.
        backend: The plug-in that runs it.
        repo: Repository, or folder.
        revision: The revision that was checked.
        versions: Of the libraries that ran it.
        with_weights: Whether its weights were loaded, or its configuration read only.
        checked_at: When, in UTC; never read back to order anything.
        lines: What was found.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    backend: str
    repo: str
    revision: str | None
    versions: dict[str, str]
    with_weights: bool
    checked_at: str
    lines: tuple[CheckedLine, ...]

    @property
    def is_ok(self) -> bool:
        """Whether nothing stands in the way of a run."""
        return all(line.state != "missing" for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """Returns the check for scripts."""
        return {**self.model_dump(mode="json"), "ok": self.is_ok}


def keep_check(store: ObjectStore, check: ModelCheck) -> None:
    """Writes a check down; it takes the place of an earlier one of the same revision.

    A check of the configuration alone leaves one with weights where it is.
    """
    key = _key(check.repo, check.revision)
    earlier = kept_check(store, check.repo, check.revision)
    if earlier is not None and earlier.with_weights and not check.with_weights:
        return
    store.write(key, check.model_dump_json(indent=1).encode())


def kept_check(store: ObjectStore, repo: str, revision: str | None) -> ModelCheck | None:
    """Returns the last check of a model at a revision; None if there was none."""
    key = _key(repo, revision)
    if not store.exists(key):
        return None
    return ModelCheck.model_validate_json(store.read(key))


def unchecked_models(store: ObjectStore, generators: Sequence[Generator]) -> list[str]:
    """Returns a sentence for each model in this process that was never checked at its revision.

    Models that come inside a package are tried by its own tests.
    """
    return [
        f"{generator.model} was never checked at this revision: "
        f"alignbench models --check {generator.model}"
        for generator in generators
        if generator.backend in _CHECKED
        and not generator.repo.startswith(PACKAGE)
        and kept_check(store, generator.repo, generator.revision) is None
    ]


def _key(repo: str, revision: str | None) -> str:
    return f"{_FOLDER}/{ids.derive_id('model_check', repo, revision)}.json"
