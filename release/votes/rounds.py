"""The rounds that released votes were given in: how many votes each asked for, and of what."""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from alignbench.release_format.manifest import RoundRecord
from alignbench.schemas.tables import ROUNDS
from alignbench.workspace.workspace import Workspace

_OF_AN_OLDER_VERSION = RoundRecord(first=None, most=None, until=None, control_share=1.0)
"""Versions that wrote no row of a round asked for equally many votes on every unit."""

_WORDED = ["round", "guideline_id", "label_schema_id"]


class RoundRecords:
    """The rounds of a workspace as a release tells of them.

    Attributes:
        known: Those that this version, or one since rounds have rows, began.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Reads the table of rounds."""
        self.known = {
            row.round: RoundRecord(
                first=row.first, most=row.most, until=row.until, control_share=row.control_share
            )
            for row in workspace.table(ROUNDS).rows()
        }

    def of(self, names: Iterable[str]) -> dict[str, RoundRecord]:
        """Returns the records of these rounds, sorted by name."""
        return {name: self.known.get(name, _OF_AN_OLDER_VERSION) for name in sorted(set(names))}


class AnsweredWordings:
    """What annotators read and could answer, by round, as their answers say."""

    def __init__(self) -> None:
        self._ids: dict[str, set[tuple[str | None, str | None]]] = {}

    @property
    def rounds(self) -> set[str]:
        """The rounds that have answers."""
        return set(self._ids)

    def add(self, answers: pa.Table) -> None:
        """Takes rows of `annotations/`."""
        once = answers.group_by(_WORDED).aggregate([])
        for name, guideline, schema in zip(*(once[n].to_pylist() for n in _WORDED), strict=True):
            self._ids.setdefault(name, set()).add((guideline, schema))

    def guideline_ids(self, name: str) -> tuple[str, ...]:
        """Returns the wordings of a round, sorted."""
        return tuple(sorted({one for one, _ in self._ids.get(name, ()) if one is not None}))

    def label_schema_ids(self, name: str) -> tuple[str, ...]:
        """Returns what could be answered in a round, sorted."""
        return tuple(sorted({one for _, one in self._ids.get(name, ()) if one is not None}))

    def onto(self, records: Mapping[str, RoundRecord]) -> dict[str, RoundRecord]:
        """Returns the records of rounds with what was read in them."""
        return {
            name: record.model_copy(
                update={
                    "guideline_ids": self.guideline_ids(name),
                    "label_schema_ids": self.label_schema_ids(name),
                }
            )
            for name, record in records.items()
        }


def in_control(
    rounds: Mapping[str, RoundRecord], names: pa.ChunkedArray, images: pa.ChunkedArray
) -> pa.Array:
    """Tells of each vote whether its image is in the control sample of its round.

    Args:
        rounds: The rounds by name.
        names: The round of each vote; one of `rounds`.
        images: The image that each vote is about.
    """
    samples = {name: record.control(name) for name, record in rounds.items()}
    known: dict[tuple[str, str], bool] = {}
    found: list[bool] = []
    for key in zip(names.to_pylist(), images.to_pylist(), strict=True):
        if key not in known:
            name, image_id = key
            known[key] = samples[name].has(image_id)
        found.append(known[key])
    return pa.array(found, pa.bool_())
