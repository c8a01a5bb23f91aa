"""Packages with catalogs, found by the registry the way it finds installed ones."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from alignbench.schemas import registry
from alignbench.schemas.configuration.catalog import catalog
from alignbench.schemas.registry import Group

BUILTIN = ("generators", "evaluation")
"""The packages whose catalogs come with AlignBench."""

CATALOGS = Group.CATALOGS.value


@contextmanager
def only_catalogs(patch: pytest.MonkeyPatch, *packages: str) -> Iterator[None]:
    """Makes these packages, which can be imported, the only ones with a catalog."""
    installed = registry.entry_points

    def found(group: str) -> list[EntryPoint]:
        if group == CATALOGS:
            return [EntryPoint(f"of-{package}", package, CATALOGS) for package in packages]
        return list(installed(group=group))

    with patch.context() as inner:
        inner.setattr(registry, "entry_points", found)
        _forget()
        yield
    _forget()


@contextmanager
def written_catalogs(
    patch: pytest.MonkeyPatch, folder: Path, catalogs: Mapping[str, str | bytes | None]
) -> Iterator[None]:
    """Makes new packages with these catalogs the only ones that have any; None is no file."""
    for package, content in catalogs.items():
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            (folder / package / "catalog.toml").write_bytes(data)
    patch.syspath_prepend(str(folder))
    with only_catalogs(patch, *catalogs):
        yield
    for package in catalogs:
        sys.modules.pop(package, None)


def _forget() -> None:
    registry.find.cache_clear()
    registry._entry_points.cache_clear()
    catalog.cache_clear()
