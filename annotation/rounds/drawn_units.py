"""What a sample is made of: sentences, or captions that are drawn whole."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.schemas.ids import caption_id
from alignbench.schemas.vocabulary import AnnotationUnit

DRAWN_FROM: Final = (
    "sentence_id", "model", "direction", "sentence_index", "pair_id", "splitter_id",
)  # fmt: skip
"""Columns of sentences that units are made of."""


class DrawnUnit(NamedTuple):
    """A unit that can be drawn.

    Attributes:
        unit_id: Its id.
        model: Who wrote it.
        direction: The direction of its pair.
        sentence_index: The place of its first sentence.
        sentence_ids: Its sentences.
        is_drawn: Whether one of them has been drawn before.
    """

    unit_id: str
    model: str
    direction: str
    sentence_index: int
    sentence_ids: tuple[str, ...]
    is_drawn: bool


def drawn_units(
    sentences: pa.Table, drawn: Collection[str], unit: AnnotationUnit
) -> list[DrawnUnit]:
    """Returns the units of sentences.

    Args:
        sentences: With the columns `DRAWN_FROM`.
        drawn: Sentences that were drawn before.
        unit: What they are.
    """
    units: dict[str, DrawnUnit] = {}
    columns = (sentences[name].to_pylist() for name in DRAWN_FROM)
    for sentence_id, model, direction, index, pair, splitter in zip(*columns, strict=True):
        whole = unit is AnnotationUnit.CAPTION
        unit_id = caption_id(pair, splitter) if whole else sentence_id
        one = units.get(unit_id) or DrawnUnit(unit_id, model, direction, index, (), False)
        units[unit_id] = one._replace(
            sentence_ids=(*one.sentence_ids, sentence_id),
            sentence_index=min(one.sentence_index, index),
            is_drawn=one.is_drawn or sentence_id in drawn,
        )
    return list(units.values())


def whole_units(units: Sequence[DrawnUnit], sentences: int) -> Iterator[DrawnUnit]:
    """Yields units, in their order, until they have at least so many sentences."""
    taken = 0
    for unit in units:
        if taken >= sentences:
            return
        taken += len(unit.sentence_ids)
        yield unit


def of_same_cuts(sentences: pa.Table, some: pa.Table) -> pa.Table:
    """Returns the sentences that belong to a caption of some of them, cut by the same splitter."""
    wanted = set(_cuts(some))
    return sentences.filter(pa.array([cut in wanted for cut in _cuts(sentences)], pa.bool_()))


def _cuts(sentences: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(sentences["pair_id"].to_pylist(), sentences["splitter_id"].to_pylist(), strict=True)
