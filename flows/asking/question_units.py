"""What rounds that have to do with questions ask about, by their unit."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.annotation.assigning.asked import Asked
from alignbench.flows.asking.checked_units import checked_asked, checked_units, draw_variant_gold
from alignbench.flows.asking.rated_units import draw_rating_gold, rated_asked, rated_units
from alignbench.flows.runs.run import Run
from alignbench.schemas.vocabulary import AnnotationUnit


class QuestionUnits(NamedTuple):
    """Of one sort of unit, what is read and drawn for a round.

    Attributes:
        units: The units, image by image.
        asked: The same as they are dealt out.
        draw_gold: Draws gold; gives how many now.
        gold: What that gold is, in words.
        what: What the round does, in words.
    """

    units: Callable[[Run, str], pa.Table]
    asked: Callable[[Run, str], list[Asked]]
    draw_gold: Callable[[Run, str], int]
    gold: str
    what: str


QUESTION_UNITS: Final[Mapping[AnnotationUnit, QuestionUnits]] = {
    AnnotationUnit.RESPONSE: QuestionUnits(
        rated_units,
        rated_asked,
        draw_rating_gold,
        "gold answers mixed in",
        "asks people to rate answers to questions that were sampled",
    ),
    AnnotationUnit.VARIANT: QuestionUnits(
        checked_units,
        checked_asked,
        draw_variant_gold,
        "gold variants mixed in",
        "asks people about questions in other words that were drawn",
    ),
}
