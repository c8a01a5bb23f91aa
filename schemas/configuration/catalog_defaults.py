"""How an entry of `alignbench.toml` takes from the catalog what it does not say itself.

An entry with a `backend` is a model of the operator's own, and takes nothing. Any other is a model
of the catalog, named by `model` or else by its `name`; its own keys win, `params` key by key.

Code of a model's repository runs only if both sides say so: the catalog, for the repository that it
names, and the operator, who repeats `trust_remote_code = true` in the entry.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from alignbench.schemas.configuration.catalog import TRUST_REMOTE_CODE, CatalogModel, catalog_model
from alignbench.schemas.errors import ConfigError, UnknownNameError
from alignbench.schemas.vocabulary import ModelKind

SECTIONS = {
    "captioners": ModelKind.CAPTIONER,
    "image_generators": ModelKind.IMAGE_GENERATOR,
    "rewriters": ModelKind.CAPTIONER,
    "judges": ModelKind.CAPTIONER,
}

_TAKEN = ("backend", "repo", "revision", "family", "gpus")
_INSTRUCTED = ("captioners", "image_generators")
"""Sections whose models are asked what the catalog says."""


def with_catalog(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns a configuration whose entries hold what they take from the catalog.

    What has not the form of an entry is handed on as it is, for validation to find.

    Args:
        raw: The configuration as it stands in the file.
        where: The file, for messages.

    Raises:
        UnknownNameError: An entry has no backend, and its model is not in the catalog.
        ConfigError: A catalog is wrong, or an entry cannot be what it says.
    """
    return dict(raw) | {
        section: [
            _whole(entry, kind, f"{where}: [[{section}]]", instructed=section in _INSTRUCTED)
            for entry in raw[section]
        ]
        for section, kind in SECTIONS.items()
        if isinstance(raw.get(section), list)
    }


def _whole(entry: Any, kind: ModelKind, section: str, *, instructed: bool) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return entry
    place = f"{section} {entry['name']!r}"
    if "backend" in entry:
        _check_own(entry, place)
        return entry
    name = entry.get("model", entry["name"])
    if not isinstance(name, str) or not isinstance(entry.get("params", {}), dict):
        return entry
    try:
        model = catalog_model(name, kind)
    except UnknownNameError as error:
        if _misspells_backend(entry):
            return entry
        raise UnknownNameError(f"{place}: {error.what}", error.fix) from None
    _check_remote_code(entry, model, place)
    return _merged(entry, model, (*_TAKEN, "instruction") if instructed else _TAKEN)


def _merged(entry: dict[str, Any], model: CatalogModel, keys: Sequence[str]) -> dict[str, Any]:
    taken = {key: value for key in keys if (value := getattr(model, key)) is not None}
    if entry.get("repo", model.repo) != model.repo:
        taken.pop("revision", None)  # it is one of the catalog's repository
    params = model.params | entry.get("params", {})
    return taken | model.options | entry | {"model": model.name, "params": params}


def _check_own(entry: dict[str, Any], place: str) -> None:
    if "model" in entry:
        raise ConfigError(
            f"{place} has a backend and names a model of the catalog.",
            "Leave 'backend' out to take the catalog's model, or 'model' to use one of your own.",
        )
    if entry.get(TRUST_REMOTE_CODE):
        raise ConfigError(
            f"{place} trusts its repository's code, but it is not a model of a catalog that does.",
            f"Remove {TRUST_REMOTE_CODE!r}, or describe the model in the catalog of a package.",
        )


def _check_remote_code(entry: dict[str, Any], model: CatalogModel, place: str) -> None:
    trusted = entry.get(TRUST_REMOTE_CODE, False)
    if model.needs_remote_code and trusted is not True:
        raise ConfigError(
            f"{place}: {model.name!r} runs code of its repository {model.repo}.",
            f"Read that code; then add '{TRUST_REMOTE_CODE} = true' to the entry.",
        )
    if trusted and not model.needs_remote_code:
        raise ConfigError(
            f"{place} trusts its repository's code, but the catalog's {model.name!r} runs none.",
            f"Remove {TRUST_REMOTE_CODE!r}.",
        )
    if trusted and entry.get("repo", model.repo) != model.repo:
        raise ConfigError(
            f"{place} trusts the code of another repository than the catalog's {model.repo}.",
            "Remove 'repo', or describe the model in the catalog of a package.",
        )


def _misspells_backend(entry: dict[str, Any]) -> bool:
    return bool(difflib.get_close_matches("backend", entry, n=1, cutoff=0.6))
