"""The votes on sentences that were asked about both ways: alone, and in their whole caption."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.annotation.team_report.given_answers import given_answers, newest
from alignbench.schemas.rows.annotation import Gold
from alignbench.schemas.tables import GOLD, SENTENCES
from alignbench.schemas.vocabulary import AnnotationUnit, Verdict, WithdrawnKind
from alignbench.workspace.workspace import Workspace

_KEYS: Final = ("sentence_id", "unit", "annotator")
_READ: Final = (*_KEYS, "verdict", "spans", "lead_seconds", "unit_id", "round")

_PER_MARK: Final = 2  # the key, and the word
_VERDICT_AND_SUBMIT: Final = 2
_JUDGED_AND_SUBMIT: Final = 2


class Mark(NamedTuple):
    """A range of characters that somebody marked as wrong."""

    start: int
    end: int


class Vote(NamedTuple):
    """What one person said of a sentence on one of the pages.

    Attributes:
        annotator: Who.
        verdict: Their verdict.
        marks: What they marked.
        seconds: How long it took; on a caption's page the sentence's share. None if not known.
        actions: The fewest keys and marks by which the answer can be given; on a caption's page
            with the sentence's share of those that end the page.
    """

    annotator: str
    verdict: Verdict
    marks: tuple[Mark, ...]
    seconds: float | None
    actions: float


class DoubleVotes(NamedTuple):
    """A sentence that was asked about both ways.

    Attributes:
        image_id: Its image.
        position: Its place in its caption, from 0.
        alone: The votes on it as a sentence.
        in_caption: The votes on it in its caption.
        known: Its answer, if that is known.
    """

    image_id: str
    position: int
    alone: tuple[Vote, ...]
    in_caption: tuple[Vote, ...]
    known: Gold | None


def double_votes(workspace: Workspace, cap: float) -> list[DoubleVotes]:
    """Returns the sentences that have votes on both pages, in the order of their ids.

    Whoever does not count, withdrawn images, skips and adjudicators' decisions are left out; of
    several answers of a person on one page the newest counts.

    Args:
        workspace: Whose votes.
        cap: Seconds that an answer counts as at most: a page may be left open over lunch.
    """
    votes = _votes(workspace)
    by_page: dict[AnnotationUnit, defaultdict[str, list[Vote]]] = {
        unit: defaultdict(list) for unit in (AnnotationUnit.SENTENCE, AnnotationUnit.CAPTION)
    }
    for sentence_id, unit, vote in _told(votes, cap):
        if unit in by_page:
            by_page[unit][sentence_id].append(vote)
    alone, in_caption = by_page.values()
    both = alone.keys() & in_caption.keys()
    known = {row.sentence_id: row for row in workspace.table(GOLD).rows()}
    places = _places(workspace, both)
    return [
        DoubleVotes(
            *places[sentence_id],
            tuple(alone[sentence_id]),
            tuple(in_caption[sentence_id]),
            known.get(sentence_id),
        )
        for sentence_id in sorted(places)
    ]


def _votes(workspace: Workspace) -> pa.Table:
    answers = given_answers(workspace)
    counted = answers.counted(answers.submitted).select([*_READ, "updated_at"])
    return newest(counted.filter(pc.is_valid(counted["verdict"])), list(_KEYS))


def _told(votes: pa.Table, cap: float) -> Iterator[tuple[str, AnnotationUnit, Vote]]:
    rows = list(zip(*(votes[name].to_pylist() for name in _READ), strict=True))
    on_page = Counter((annotator, unit_id, name) for _, _, annotator, *_, unit_id, name in rows)
    for sentence_id, unit, annotator, verdict, spans, seconds, unit_id, round_name in rows:
        marks = tuple(Mark(span["start"], span["end"]) for span in spans or ())
        if unit == AnnotationUnit.SENTENCE:
            actions = float(_VERDICT_AND_SUBMIT + _PER_MARK * len(marks))
        else:
            labels = len(marks) if marks else verdict != Verdict.CORRECT
            shared = on_page[annotator, unit_id, round_name]
            actions = _PER_MARK * labels + _JUDGED_AND_SUBMIT / shared
        capped = None if seconds is None else min(seconds, cap)
        yield (
            sentence_id,
            AnnotationUnit(unit),
            Vote(annotator, Verdict(verdict), marks, capped, actions),
        )


def _places(workspace: Workspace, sentence_ids: Collection[str]) -> dict[str, tuple[str, int]]:
    """Returns image and position of those sentences whose image is still used."""
    where = pc.field("sentence_id").isin(pa.array(sorted(sentence_ids), pa.string()))
    where &= ~pc.field("image_id").isin(withdrawn_ids(workspace, WithdrawnKind.IMAGE))
    columns = ["sentence_id", "image_id", "sentence_index"]
    found = workspace.table(SENTENCES).read(columns, where)
    rows = zip(*(found[name].to_pylist() for name in columns), strict=True)
    return {sentence_id: (image_id, index) for sentence_id, image_id, index in rows}
