"""Sentences whose votes leave a doubt, and what an adjudicator is shown of them."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import NothingToAdjudicateError
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.annotation.units.unit import PossibleAnswer, ShownAnswers
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.rows.labels import Label
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, LABEL_SETS, LABELS
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose, Verdict, WithdrawnKind
from alignbench.workspace.workspace import Workspace

_SPANS_IN_DOUBT = {"single": "spans", "type_tie": "type"}


class Dispute(StrEnum):
    """Why a sentence is in dispute."""

    @property
    def phrase(self) -> str:
        """The reason in words."""
        return _PHRASES[self]

    TIE = "tie"
    """Two verdicts have equally many votes."""
    CONFIDENCE = "confidence"
    """Its label is less certain than was asked for."""
    SPANS = "spans"
    """No word was marked by more than half."""
    TYPE = "type"
    """Two types of a span have equally many votes."""


_PHRASES = {
    Dispute.TIE: "two verdicts have equally many votes",
    Dispute.CONFIDENCE: "the label is not certain enough",
    Dispute.SPANS: "no word was marked by more than half",
    Dispute.TYPE: "two types have equally many votes",
}


def disputes(workspace: Workspace, below: float) -> dict[str, Dispute]:
    """Returns the disputed sentences of the current label set, with the first reason of each.

    Args:
        workspace: Whose labels.
        below: Labels of less confidence are in dispute; a share of exactly this is not.

    Raises:
        NothingToAdjudicateError: There are no labels yet.
    """
    sets = sorted(workspace.table(LABEL_SETS).rows(), key=lambda row: row.version)
    if not sets:
        raise NothingToAdjudicateError(
            f"{workspace.url} has no labels yet.", "Run 'alignbench pull' and 'label' first."
        )
    current = pc.field("label_set_id") == sets[-1].label_set_id
    return {
        label.sentence_id: reason
        for label in workspace.table(LABELS).rows(current & ~pc.field("adjudicated"))
        if (reason := _reason(label, below)) is not None
    }


def _reason(label: Label, below: float) -> Dispute | None:
    counts = sorted((label.n_correct, label.n_incorrect, label.n_unknown))
    if counts[-1] == counts[-2]:
        return Dispute.TIE
    if label.confidence < below and not math.isclose(label.confidence, below):
        return Dispute.CONFIDENCE
    # One annotator alone has nobody to disagree with.
    if label.n_incorrect > 1 and label.span_agreement in _SPANS_IN_DOUBT:
        return Dispute(_SPANS_IN_DOUBT[label.span_agreement])
    return None


def votes_on(
    workspace: Workspace, sentence_ids: pa.Array | pa.ChunkedArray
) -> dict[str, ShownAnswers]:
    """Returns what an adjudicator is shown of each sentence, in an order that hides who voted how.

    Args:
        workspace: Whose answers.
        sentence_ids: The sentences; some thousand.
    """
    given: dict[str, dict[tuple[str, str], Annotation]] = {
        sentence: {} for sentence in sentence_ids.to_pylist()
    }
    every_round = _counted_every_round(workspace)
    for row in _votes(workspace, sentence_ids):
        voter = (row.round if every_round else "", row.annotator)
        before = given[row.sentence_id].get(voter)
        if before is None or row.updated_at > before.updated_at:
            given[row.sentence_id][voter] = row
    return {sentence: _shown(rows.values()) for sentence, rows in given.items()}


def _counted_every_round(workspace: Workspace) -> bool:
    """Tells how the current labels count somebody who answered in several rounds."""
    sets = sorted(workspace.table(LABEL_SETS).rows(), key=lambda row: row.version)
    return bool(sets) and LabelOptions.of_json(sets[-1].options).every_round


def _votes(workspace: Workspace, sentence_ids: pa.Array | pa.ChunkedArray) -> Iterator[Annotation]:
    ours = pc.field("sentence_id").isin(sentence_ids)
    ours &= pc.field("purpose") == Purpose.LABEL.value
    ours &= pc.field("status") == AnnotationStatus.SUBMITTED.value
    ours &= ~pc.field("annotator").isin(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR))
    return workspace.table(ANNOTATIONS).rows(ours)


def _shown(votes: Iterable[Annotation]) -> ShownAnswers:
    told = [
        (_words(row.verdict, row.spans), PossibleAnswer(row.verdict, row.spans))
        for row in votes
        if row.verdict is not None
    ]
    told.sort(key=lambda answer: answer[0])
    counts = Counter(words for words, _ in told)
    lines = [f"{count} × {words}" for words, count in counts.most_common()]
    marked = [answer.spans for _, answer in told if answer.spans]
    return ShownAnswers(votes="\n".join(lines) or "There is no vote.", marks=_nearest(marked))


def _nearest(marked: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Returns the marks of the vote that marks most as the others do; nothing if none marks.

    The first of several that do so alike; who gave it is not told.
    """
    typed = [
        {(at, span.type) for span in own for at in range(span.start, span.end)} for own in marked
    ]

    def shared(place: int) -> float:
        own = typed[place]
        return sum(2 * len(own & other) / (len(own) + len(other)) for other in typed)

    return marked[max(range(len(marked)), key=shared)] if marked else ()


def _words(verdict: Verdict, spans: Sequence[Span]) -> str:
    """Returns an answer in words, such as: incorrect: “cat” (object)."""
    marked = ", ".join(f"“{span.text}” ({span.type})" for span in spans)
    return f"{verdict}: {marked}" if marked else str(verdict)
