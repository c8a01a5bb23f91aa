"""What a stage is to the engine: inputs, what is done, and how items become outcomes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import pyarrow as pa

from alignbench.schemas.columns import DataclassRow
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import TableSpec
from alignbench.schemas.vocabulary import StageName


@dataclass(frozen=True, slots=True)
class Made:
    """An item that was done, and the rows that it is."""

    key: str
    rows: Sequence[DataclassRow]


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that could not be done, and why."""

    key: str
    failure: ItemFailure


Outcome = Made | Failed


class StageInputs(Protocol):
    """What has to be known of a stage to count what is pending.

    Attributes:
        name: The stage.
    """

    name: ClassVar[StageName]

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields every selected input, streaming.

        The tables have the columns `key` (the item's done-key), `scope` (its source or generator)
        and, unless only keys are asked for, whatever `work` needs.
        """
        ...

    def done(self) -> pa.Table:
        """Returns `key` and `scope` of everything this stage ever did, selected now or not."""
        ...


class Stage(StageInputs, Protocol):
    """A stage that can run. It is made once its lock is held, and is usable as it is made.

    Attributes:
        writes: Tables that it writes, in the order in which a commit must write them.
        mixes_scopes: Whether `work` takes items of several scopes at once. If not, each scope has a
            stream, and an early stop, of its own.
        notes: Sentences for the report: what making the stage has settled.
        is_shareable: Whether several processes may each do a part of the items. What comes of an
            item must not depend on another, and the stage must be one that can be pickled.
    """

    writes: ClassVar[Sequence[TableSpec[Any]]]
    mixes_scopes: ClassVar[bool]
    notes: Sequence[str] = ()
    is_shareable: bool = False

    def gpus(self, scope: str) -> float | None:  # noqa: ARG002
        """Returns how many GPUs a process needs for a scope; None for one where there are any."""
        return 0.0

    @property
    def how_to_retry(self) -> str:
        """The command that tries failed items again."""
        return f"alignbench retry {self.name}"

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Does a stream of items in batches as its model likes; one outcome for each, in any order.

        Args:
            items: Tables as `inputs` yields them, cut at will; taken as there is room for them,
                perhaps from another thread.
        """
        ...

    def input_notes(self) -> Sequence[str]:
        """Returns sentences on what the inputs turned out to be, whether or not one was made."""
        return ()

    def closing_notes(self) -> Sequence[str]:
        """Returns further sentences for the report of a run that made something."""
        return ()


class Limits(NamedTuple):
    """What a caller may ask of a run.

    Attributes:
        limit: At most so many items.
        retry: Only those that failed or were empty before.
        budget: What it may spend on calls to models, together with all runs before it.
    """

    limit: int | None = None
    retry: bool = False
    budget: Budget = Budget()
