"""Who has answered the units of a round in another one: they are not asked about them again."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.asked import AskedUnits
from alignbench.schemas.tables import ANNOTATIONS, RATINGS, VARIANT_CHECKS, TableSpec
from alignbench.schemas.vocabulary import AnnotationStatus
from alignbench.workspace.tables.numbered import ENCODED, Numbers, encoded, numbered
from alignbench.workspace.workspace import Workspace

_ANSWERS: Final = pa.schema([("subject_id", ENCODED), ("annotator", ENCODED)])


class AnsweredElsewhere(NamedTuple):
    """Units and people who answered them, or one of their sentences, in another round.

    Attributes:
        people: Names, each once.
        units: Numbers of the units.
        annotators: Who answered each, by the place among the people.
    """

    people: Sequence[str]
    units: Numbers
    annotators: Numbers


NOTHING_ELSEWHERE: Final = AnsweredElsewhere((), np.zeros(0, np.int64), np.zeros(0, np.int64))


def answered_elsewhere(
    workspace: Workspace, round_name: str, asked: AskedUnits
) -> AnsweredElsewhere:
    """Returns who has answered, or rated, units of a round in another one.

    Args:
        workspace: Whose answers.
        round_name: The round that does not count.
        asked: What it asks about.
    """
    answers = pa.concat_tables([_ANSWERS.empty_table(), *_answers(workspace, round_name)])
    if not len(answers):
        return NOTHING_ELSEWHERE
    own = asked.sentences()
    subjects = numbered(pa.chunked_array([own.sentence_ids]), answers["subject_id"])
    people = numbered(answers["annotator"])
    own_numbers, answered = subjects.columns
    unit_of = np.full(len(subjects.values), -1, np.int64)
    unit_of[own_numbers] = own.units
    units = unit_of[answered]
    here = units >= 0
    return AnsweredElsewhere(people.values.to_pylist(), units[here], people.columns[0][here])


def _answers(workspace: Workspace, round_name: str) -> Iterator[pa.Table]:
    elsewhere = pc.field("round") != round_name
    elsewhere &= pc.field("status") == AnnotationStatus.SUBMITTED.value
    tables: Sequence[tuple[TableSpec[Any], str]] = (
        (ANNOTATIONS, "sentence_id"),
        (RATINGS, "response_id"),
        (VARIANT_CHECKS, "variant_id"),
    )
    for table, subject in tables:
        columns = [subject, "annotator", "round", "status"]
        for batch in workspace.table(table).scan(columns, elsewhere):
            answers = batch.select(columns[:2]).rename_columns(_ANSWERS.names)
            yield encoded(answers, *_ANSWERS.names)
