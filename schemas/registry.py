"""Plug-ins by name, through entry points; the built-in ones come the same way as anyone's.

A package adds a captioner by one line in its `pyproject.toml`:

    [project.entry-points."alignbench.captioners"]
    mine = "my_package.captioner:MyCaptioner"
"""

import difflib
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from alignbench.schemas.errors import ConfigError, MissingExtraError, UnknownNameError


class Group(StrEnum):
    """The kinds of plug-in, as entry point groups."""

    SOURCES = "alignbench.sources"
    CAPTIONERS = "alignbench.captioners"
    IMAGE_GENERATORS = "alignbench.image_generators"
    PROMPT_SOURCES = "alignbench.prompt_sources"
    DETECTORS = "alignbench.detectors"
    IMPORTERS = "alignbench.importers"
    CATALOGS = "alignbench.catalogs"
    """Packages with a `catalog.toml` in them (`schemas.configuration.catalog`), not classes."""


def names(group: Group) -> list[str]:
    """Returns the names of the plug-ins of a group, sorted."""
    return sorted(_entry_points(group))


def packages(group: Group) -> list[str]:
    """Returns the import packages that the entry points of a group name, sorted, each once."""
    return sorted({point.module for points in _entry_points(group).values() for point in points})


@cache
def find(group: Group, name: str) -> Any:
    """Returns a plug-in's class; its module is imported only now.

    Raises:
        UnknownNameError: There is none of that name; the nearest is named.
        ConfigError: Two installed packages bring one of that name.
        MissingExtraError: Its module needs a package that is not installed.
    """
    known = _entry_points(group)
    if name not in known:
        kind = group.removeprefix("alignbench.").replace("_", " ")
        raise UnknownNameError(
            f"There is no {name!r} among the {kind}.", suggestion(name, sorted(known))
        )
    packages = sorted({_package(candidate) for candidate in known[name]})
    if len(packages) > 1:
        raise ConfigError(
            f"{name!r} is brought by two packages: {' and '.join(packages)}.",
            "Uninstall one of them, or give its plug-in another name.",
        )
    try:
        return known[name][-1].load()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{name!r} needs the package {error.name!r}, which is not installed.",
            "Install the extra that has it, such as pip install 'alignbench[pipeline,models]'.",
        ) from None


def suggestion(word: str, known: Sequence[str]) -> str:
    """Returns a sentence that names the known word nearest to this one, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(known) or 'none'}."


@cache
def _entry_points(group: Group) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group.value):
        found.setdefault(point.name, []).append(point)
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
