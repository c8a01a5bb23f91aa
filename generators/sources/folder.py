"""Images of a folder."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

from alignbench.generators.image_formats import ENDINGS
from alignbench.generators.sources.image_facts import (
    METADATA_FILES,
    ImageFactOptions,
    ImageFacts,
    read_folder_facts,
)
from alignbench.generators.sources.paths import (
    check_storable,
    configured_folder,
    inside,
    read_image_file,
    storable,
    unreadable,
)
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import SourceBase
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt, SourceItem

_MOST_NAMED: Final = 8
"""Endings of files passed over that are named."""


class FolderOptions(ImageFactOptions):
    """Which files of which folder.

    Attributes:
        path: The folder.
        recursive: Whether folders in it are searched too.
        extensions: Endings of the files that are images, with the dot, in any case.
        pattern: If given, only files whose relative path matches; `*` stands for anything, `/` too.
        metadata: A file in the folder that describes its images (see
            `generators.sources.image_facts`).
    """

    path: str
    recursive: bool = True
    extensions: tuple[str, ...] = ENDINGS
    pattern: str | None = None
    metadata: str | None = None


class FolderSource(SourceBase[FolderOptions]):
    """The image files of a folder, in order of their paths; a locator is the relative path.

    Hidden files are passed over; so are those with other endings, which are counted by them. A link
    to an image elsewhere in the folder is an origin of its own; a linked folder inside is passed
    over, as its images are found where they are; a link that leads out of the folder is a failure.
    """

    def load(self) -> None:
        """Finds the files; raises `InputFileError` where they are missing."""
        self._root = configured_folder(self.options.path, self.surroundings)
        self._extensions = frozenset(ending.lower() for ending in self.options.extensions)
        self._passed_over: Counter[str] = Counter()

    def items(self) -> Iterator[SourceItem | ItemFailureAt]:
        """Yields the images, then the rows of the metadata file that describe no image."""
        facts = read_folder_facts(self._root, self.options.metadata)
        yield from facts.failures
        not_seen = set(facts.by_name)
        passed_over: Counter[str] = Counter()
        for found in self._walk(self._root, passed_over):
            if isinstance(found, ItemFailureAt):
                not_seen.discard(found.locator)
                yield found
            else:
                not_seen.discard(found)
                own = facts.by_name.get(found, ImageFacts())
                yield own.otherwise(self.options.facts).item(found, found)
        for name in sorted(not_seen):
            yield from self._absent(name)
        self._passed_over = passed_over

    def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
        """Returns the files' bytes."""
        return [read_image_file(self._root, item.locator) for item in items]

    def notes(self) -> Sequence[str]:
        """Returns how many files the last listing passed over, by their endings."""
        counts = self._passed_over
        if not counts:
            return ()
        named = [f"{count:,} {ending}" for ending, count in counts.most_common(_MOST_NAMED)]
        rest = counts.total() - sum(count for _, count in counts.most_common(_MOST_NAMED))
        named += [f"{rest:,} others"] if rest else []
        return (
            f"{self.surroundings.name}: {counts.total():,} files passed over, their endings being "
            f"none of `extensions`: {', '.join(named)}",
        )

    def _absent(self, name: str) -> Iterator[ItemFailureAt]:
        """Yields a failure if there is no such file; one that is there was not asked for."""
        try:
            (self._root / name).stat()
        except OSError as error:
            yield ItemFailureAt(name, unreadable(name, error))

    def _walk(self, folder: Path, passed_over: Counter[str]) -> Iterator[str | ItemFailureAt]:
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            name = self._relative(folder)
            yield ItemFailureAt(storable(name), unreadable(name, error))
            return
        for entry in listed:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if self.options.recursive:
                    yield from self._walk(path, passed_over)
            elif entry.is_symlink() or entry.is_file():
                if self._is_passed_over(entry):
                    passed_over[_ending(entry.name)] += 1
                yield from self._offered(path, linked=entry.is_symlink())

    def _offered(self, path: Path, *, linked: bool) -> Iterator[str | ItemFailureAt]:
        """Yields the file's relative path, or what is wrong with it, or nothing."""
        name = self._relative(path)
        leads_to_folder = linked and self.options.recursive and path.is_dir()
        if not (leads_to_folder or self._is_wanted(name)):
            return
        try:
            if linked:
                target = inside(self._root, name)
                if leads_to_folder:
                    return
                target.stat()
            check_storable(name)
        except ItemError as error:
            yield ItemFailureAt(storable(name), error.failure)
        except OSError as error:
            yield ItemFailureAt(storable(name), unreadable(name, error))
        else:
            yield name

    def _is_wanted(self, name: str) -> bool:
        pattern = self.options.pattern
        return self._has_ending(name) and (pattern is None or fnmatchcase(name, pattern))

    def _is_passed_over(self, entry: os.DirEntry[str]) -> bool:
        is_metadata = entry.name in (*METADATA_FILES, self.options.metadata)
        return not (self._has_ending(entry.name) or is_metadata) and entry.is_file()

    def _has_ending(self, name: str) -> bool:
        return PurePosixPath(name).suffix.lower() in self._extensions

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _ending(name: str) -> str:
    """Returns what a file name is counted by."""
    return storable(PurePosixPath(name).suffix.lower()) or "without an ending"
