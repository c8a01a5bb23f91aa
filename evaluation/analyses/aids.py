"""What some analyses need beside sentences and scores."""

from collections.abc import Mapping
from typing import NamedTuple

from alignbench.evaluation.aids.parts_of_speech import Tagger
from alignbench.evaluation.analyses.clip4dm_sets.analysis import Judge
from alignbench.evaluation.analyses.unknown_bounds import UnknownSentences
from alignbench.schemas.vocabulary import Verdict


class Aids(NamedTuple):
    """What is there of it.

    Attributes:
        gold: True verdicts by sentence.
        unknown: The sentences whose verdict is unknown, if there are any.
        judge: The NLI model, if one was named.
        tagger: The model of parts of speech, if one was named.
    """

    gold: Mapping[str, Verdict] = {}
    unknown: UnknownSentences | None = None
    judge: Judge | None = None
    tagger: Tagger | None = None
