"""Data of one's own in AlignBench's columns; who made it is told with the import, or not at all."""

from typing import ClassVar

from alignbench.release.importers.alignbench import AlignBench
from alignbench.schemas.importing import PublishedSet


class Own(AlignBench):
    """Reads JSON Lines as `AlignBench` does, and takes nothing for granted of that set's."""

    published: ClassVar[PublishedSet | None] = None
    unnamed_source: ClassVar[str] = "own"
    needs_index: ClassVar[bool] = False
    repository_is_drawn: ClassVar[bool] = False
