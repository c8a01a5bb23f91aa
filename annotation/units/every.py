"""The units that a round can ask about, by name."""

from collections.abc import Mapping
from typing import Final

from alignbench.annotation.units.caption import CaptionUnit
from alignbench.annotation.units.response import ResponseUnit
from alignbench.annotation.units.sentence import SentenceUnit
from alignbench.annotation.units.unit import Unit
from alignbench.annotation.units.variant import VariantUnit
from alignbench.schemas.vocabulary import AnnotationUnit

_UNITS: Final[tuple[Unit, ...]] = (
    SentenceUnit(),
    CaptionUnit(),
    ResponseUnit(),
    VariantUnit(),
)

UNITS: Final[Mapping[AnnotationUnit, Unit]] = {unit.kind: unit for unit in _UNITS}
