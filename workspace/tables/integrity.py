"""Checking that the parts of a table are what their names promise."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from alignbench.schemas.errors import AlignBenchError, NewerSchemaError
from alignbench.workspace.errors import CorruptPartError, ObjectNotFoundError
from alignbench.workspace.tables.parts import Part
from alignbench.workspace.tables.table import Table


def verify_parts(table: "Table[Any]") -> Iterator[AlignBenchError]:
    """Yields an error for each part that readers could not trust; reads every byte of the table."""
    for name in table.part_names():
        with suppress(ObjectNotFoundError):  # merged into another part since it was listed
            try:
                Part(table.store, table.spec, name).verify()
            except (CorruptPartError, NewerSchemaError) as error:
                yield error
