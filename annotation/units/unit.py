"""What push and pull need to know of a unit, whatever it is."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

import pyarrow as pa

from alignbench.annotation.errors import MissingImageError
from alignbench.annotation.label_studio.records import ImportedTask
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.units.given import AnswerRow, GivenAnswer
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, Verdict
from alignbench.workspace.workspace import Workspace

UNIT_ID = "unit_id"
"""Column with the id of a unit."""
PURPOSE = "purpose"
"""Column with the reason why a unit is sent; without it, all are sent for one."""

ImageAddress = Callable[[str], str]
"""Gives what a task has as its image, by the image's blob."""


class PossibleAnswer(NamedTuple):
    """How a sentence was, or may be, answered."""

    verdict: Verdict
    spans: tuple[Span, ...] = ()


class ShownAnswers(NamedTuple):
    """What a task shows of how a sentence was, or may be, answered.

    Attributes:
        answers: What the page can begin with; the server calls them predictions.
        votes: For an adjudicator: the answers in words, one a line.
        marks: For an adjudicator: what is marked before they choose a verdict. It takes the place
            of `answers`.
    """

    answers: tuple[PossibleAnswer, ...] = ()
    votes: str | None = None
    marks: tuple[Span, ...] = ()


class UnitTask(NamedTuple):
    """A unit, its task as it is sent, and why."""

    unit_id: str
    task: ImportedTask
    purpose: Purpose


def image_failure(image_id: str) -> ItemFailure:
    """Returns the failure of a unit whose image is not in table `images`."""
    return ItemFailure(
        MissingImageError.code,
        f"Image {image_id} of the sentence is not in table images: restore that table.",
    )


def purposes_of(units: pa.Table, purpose: Purpose) -> list[str]:
    """Returns why each unit is sent: what its column says, or one purpose for all without it."""
    if PURPOSE in units.column_names:
        return [str(why) for why in units[PURPOSE].to_pylist()]
    return [purpose.value] * len(units)


class UnitContent(Protocol):
    """What one task was sent with, as the tables have it."""

    def shown(self) -> Mapping[str, str]:
        """Returns the fields that the task must still have as they were sent."""
        ...

    def rows(self, given: GivenAnswer) -> list[AnswerRow | QuarantinedAnnotation]:
        """Reads an answer, or the skip of one, into rows: at least one.

        Raises:
            Doubtful: Nothing of it can be believed.
        """
        ...


class Unit(Protocol):
    """What an annotator is asked about at once.

    The id of a unit is its task's `sentence_id`, on the server and in table `tasks`.
    """

    @property
    def kind(self) -> AnnotationUnit:
        """What it is called in tables and configuration."""
        ...

    def page(self, texts: AnnotatorTexts) -> str:
        """Returns the page that it is answered on, as Label Studio's XML."""
        ...

    def label_schema_id(self) -> str:
        """Names what can be answered, whatever the page's language and look."""
        ...

    def guidelines(self, texts: AnnotatorTexts) -> str:
        """Returns what annotators are told before the first one, as HTML."""
        ...

    def guideline_id(self, texts: AnnotatorTexts) -> str:
        """Names what annotators are told: another wording has another id."""
        ...

    def gathered(self, sentences: pa.Table) -> pa.Table:
        """Returns the units of these sentences, in their order, with their ids as `UNIT_ID`.

        Args:
            sentences: As `ordered_sentences` gives them, with all columns or keys only, and with
                `PURPOSE` or without; all sentences of an image are in it.
        """
        ...

    def generators(self, workspace: Workspace) -> pa.Table:
        """Returns the generator of every unit there is, as `UNIT_ID` and `generator_id`."""
        ...

    def sentences(self, units: pa.Table) -> pa.Table:
        """Returns `sentence_id` and `text` of the sentences of units that `gathered` gave."""
        ...

    def tasks(
        self,
        units: pa.Table,
        address: ImageAddress,
        purpose: Purpose,
        shown: Mapping[str, ShownAnswers],
    ) -> Iterator[UnitTask]:
        """Yields the tasks of units.

        Args:
            units: As `gathered` gives them; a column `PURPOSE` says why each is sent, if it is
                there.
            address: Gives the address of an image by its blob.
            purpose: Why they are sent without that column.
            shown: What is shown of how they were, or may be, answered, by sentence.

        Raises:
            MissingImageError: One of them has no image.
        """
        ...

    def contents(
        self, workspace: Workspace, round_name: str, unit_ids: pa.Array | pa.ChunkedArray
    ) -> Mapping[str, UnitContent]:
        """Returns what the tasks of these units were sent with, by unit.

        Args:
            workspace: Whose units.
            round_name: The round that they were sent in.
            unit_ids: Which of them; one that is not in the workspace is left out.
        """
        ...
