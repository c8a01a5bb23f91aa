"""Labels of everything selected, from all votes on it.

A label set is named by its method, its options and the votes that it used, so the same votes
are the same set and are not computed again. Its row in `label_sets` is written last: a set without
one is unfinished, and the next run writes the labels that are missing.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.fleiss import item_agreement
from alignbench.release.joins import looked_up
from alignbench.release.labels.adjudication import adjudicated
from alignbench.release.labels.majority import agreement_ratio
from alignbench.release.labels.sets import label_set_id, label_sets, make_current
from alignbench.release.labels.spans import SpanLabel, agree_on_spans
from alignbench.release.labels.verdicts import Decide, deciding_by
from alignbench.release.span_values import spans_of
from alignbench.release.verdict_counts import VERDICTS, count_verdicts
from alignbench.release.votes import SentenceBucket, Votes
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows import Label, Span
from alignbench.schemas.tables import LABELS
from alignbench.schemas.vocabulary import HallucinationType, LabelMethod, Verdict
from alignbench.workspace.selection import Selection
from alignbench.workspace.workspace import Workspace

COMMIT_ROWS: Final = 20_000


class LabelReport(NamedTuple):
    """What `compute_labels` did.

    Attributes:
        label_set_id: The set that is current now.
        computed: False if the votes had not changed, so that nothing was to be done.
        sentences: Selected sentences.
        labelled: Those that have a label in the set.
        unanswered: Those without any vote.
        below_minimum_votes: Those with too few.
        verdicts: How many labels of each verdict were made; empty if nothing was computed.
        span_agreement: How many incorrect ones came about in which way; likewise.
        adjudicated: How many labels are an adjudicator's; likewise.
    """

    label_set_id: str
    computed: bool
    sentences: int
    labelled: int
    unanswered: int
    below_minimum_votes: int
    verdicts: dict[str, int]
    span_agreement: dict[str, int]
    adjudicated: int


def compute_labels(
    workspace: Workspace,
    selection: Selection,
    run_id: str,
    *,
    method: LabelMethod = LabelMethod.MAJORITY,
    minimum_votes: int = 1,
    every_round: bool = False,
    name: str | None = None,
) -> LabelReport:
    """Makes one label of all votes on each selected sentence.

    Args:
        workspace: Where sentences and annotations are, and labels go.
        selection: Which sentences are labelled.
        run_id: Stamped on the rows.
        method: How votes become a verdict.
        minimum_votes: Sentences with fewer votes get no label, adjudicated or not.
        every_round: Whether somebody who answered a sentence in several rounds has a vote in each;
            else their newest answer alone counts.
        name: What the set is to be called from now on; a set that has a name keeps it if not given.

    Raises:
        MissingExtraError: Some sentence is incorrect, and spaCy is not installed; or the method
            needs a package that is not.
    """
    with tempfile.TemporaryDirectory(prefix="alignbench-label-") as folder:
        chosen = LabelOptions(minimum_votes, every_round)
        votes = Votes(workspace, selection, Path(folder), chosen)
        options = chosen.as_dict()
        sha256 = votes.digest().sha256
        set_id = label_set_id(method, options, sha256)
        known = label_sets(workspace)
        complete = any(row.label_set_id == set_id for row in known)
        tally = _Tally()
        if not complete:
            labelling = _Labelling(set_id, minimum_votes, deciding_by(method, votes))
            _write(workspace, labelling, run_id, votes, tally)
        else:
            for bucket in votes:
                tally.count(bucket, minimum_votes)
        current = bool(known) and known[-1].label_set_id == set_id
        if not current or name not in (None, known[-1].name):
            make_current(
                workspace,
                method=method,
                options=options,
                answers_sha256=sha256,
                sentences=tally.labelled,
                run_id=run_id,
                name=name,
            )
    return tally.report(set_id, computed=not current)


class _Tally:
    """Counts over all buckets."""

    def __init__(self) -> None:
        self.sentences = self.answered = self.labelled = 0
        self.verdicts: Counter[str] = Counter()
        self.span_agreement: Counter[str] = Counter()
        self.adjudicated = 0

    def count(self, bucket: SentenceBucket, minimum_votes: int) -> None:
        votes = count_verdicts(bucket.votes).counts.sum(axis=1)
        self.sentences += len(bucket.sentences)
        self.answered += len(votes)
        self.labelled += int((votes >= minimum_votes).sum())

    def count_labels(self, labels: Sequence[Label]) -> None:
        self.verdicts.update(label.verdict.value for label in labels)
        self.adjudicated += sum(label.adjudicated for label in labels)
        self.span_agreement.update(
            label.span_agreement for label in labels if label.span_agreement is not None
        )

    def report(self, set_id: str, *, computed: bool) -> LabelReport:
        return LabelReport(
            label_set_id=set_id,
            computed=computed,
            sentences=self.sentences,
            labelled=self.labelled,
            unanswered=self.sentences - self.answered,
            below_minimum_votes=self.answered - self.labelled,
            verdicts=dict(sorted(self.verdicts.items())),
            span_agreement=dict(sorted(self.span_agreement.items())),
            adjudicated=self.adjudicated,
        )


class _Labelling(NamedTuple):
    """Which labels are made, and how."""

    set_id: str
    minimum_votes: int
    decide: Decide


def _write(
    workspace: Workspace, labelling: _Labelling, run_id: str, votes: Votes, tally: _Tally
) -> None:
    table = workspace.table(LABELS)
    of_set = pc.field("label_set_id") == labelling.set_id
    done = table.keys("sentence_id", where=of_set, filter_columns=["label_set_id"])
    rows: list[Label] = []
    for bucket in votes:
        tally.count(bucket, labelling.minimum_votes)
        labels = adjudicated(list(_labels(bucket, labelling)), bucket)
        tally.count_labels(labels)
        written = done.contains(pa.array([label.sentence_id for label in labels], pa.string()))
        rows += [
            label for label, there in zip(labels, written.to_pylist(), strict=True) if not there
        ]
        if len(rows) >= COMMIT_ROWS:
            table.append(rows, run_id)
            rows = []
    table.append(rows, run_id)


def _labels(bucket: SentenceBucket, labelling: _Labelling) -> Iterator[Label]:
    """Yields the labels of a bucket's sentences that have enough votes, by the votes alone."""
    sentence_ids, counts = count_verdicts(bucket.votes)
    enough = np.flatnonzero(counts.sum(axis=1) >= labelling.minimum_votes)
    counts, sentence_ids = counts[enough], sentence_ids.take(pa.array(enough))
    if not len(counts):
        return
    decision = labelling.decide(sentence_ids, counts)
    verdicts = [VERDICTS[index] for index in decision.verdicts]
    spans = _span_labels(bucket, sentence_ids, verdicts)
    figures = (decision.confidence, agreement_ratio(counts), item_agreement(counts))
    columns = zip(
        sentence_ids.to_pylist(),
        verdicts,
        counts.tolist(),
        *(figure.tolist() for figure in figures),
        strict=True,
    )
    for sentence, verdict, votes, confidence, ratio, agreement in columns:
        correct, incorrect, unknown = votes
        span_label = spans.get(sentence)
        yield Label(
            label_set_id=labelling.set_id,
            sentence_id=sentence,
            verdict=verdict,
            confidence=confidence,
            n_correct=correct,
            n_incorrect=incorrect,
            n_unknown=unknown,
            agreement_ratio=ratio,
            fleiss_Pi=None if correct + incorrect + unknown < 2 else agreement,
            error_type=_error_type(span_label),
            error_spans=span_label.spans if span_label is not None else (),
            span_agreement=span_label.agreement.value if span_label is not None else None,
            adjudicated=False,
        )


def _error_type(span_label: SpanLabel | None) -> HallucinationType | None:
    return span_label.error_type if span_label is not None else None


def _span_labels(
    bucket: SentenceBucket, sentence_ids: pa.Array, verdicts: Sequence[Verdict]
) -> dict[str, SpanLabel]:
    """Returns the wrong spans of the sentences that are incorrect; only they are looked at."""
    chosen = [verdict is Verdict.INCORRECT for verdict in verdicts]
    wrong = sentence_ids.filter(pa.array(chosen, pa.bool_()))
    is_wrong = pc.is_in(bucket.votes.column("sentence_id"), value_set=wrong)
    says_so = pc.equal(bucket.votes.column("verdict"), Verdict.INCORRECT.value)
    votes = bucket.votes.filter(pc.and_(is_wrong, says_so)).select(["sentence_id", "spans"])
    given: dict[str, list[tuple[Span, ...]]] = {}
    for sentence, spans in zip(*(column.to_pylist() for column in votes.columns), strict=True):
        given.setdefault(sentence, []).append(spans_of(spans or []))
    texts = looked_up(pa.chunked_array([wrong]), bucket.sentences, "sentence_id").column("text")
    return {
        sentence: agree_on_spans(text, given.get(sentence, []))
        for sentence, text in zip(wrong.to_pylist(), texts.to_pylist(), strict=True)
    }
