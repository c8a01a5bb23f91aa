"""Labels of everything selected, from all votes on it.

A label set is named by its method, its options and the votes that it used, so the same votes
are the same set and are not computed again. Its row in `label_sets` is written last: a set without
one is unfinished, and the next run writes the labels that are missing.
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.columns.verdict_counts import count_verdicts
from alignbench.release.labels.adjudication import adjudicated
from alignbench.release.labels.columns import Labelling, labels_by_votes
from alignbench.release.labels.sets import label_set_id, label_sets, make_current
from alignbench.release.labels.verdicts import deciding_by
from alignbench.release.votes.votes import SentenceBucket, Votes
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.tables import LABELS
from alignbench.schemas.vocabulary import LabelMethod
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
            labelling = Labelling(set_id, minimum_votes, deciding_by(method, votes))
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

    def count_labels(self, labels: pa.Table) -> None:
        self.verdicts.update(_counted(labels["verdict"]))
        self.adjudicated += pc.sum(labels["adjudicated"]).as_py() or 0
        self.span_agreement.update(_counted(labels["span_agreement"].drop_null()))

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


def _counted(values: pa.ChunkedArray) -> dict[str, int]:
    return {found["values"]: found["counts"] for found in pc.value_counts(values).to_pylist()}


def _write(
    workspace: Workspace, labelling: Labelling, run_id: str, votes: Votes, tally: _Tally
) -> None:
    table = workspace.table(LABELS)
    of_set = pc.field("label_set_id") == labelling.set_id
    done = table.keys("sentence_id", where=of_set, filter_columns=["label_set_id"])
    waiting: list[pa.Table] = []
    for bucket in votes:
        tally.count(bucket, labelling.minimum_votes)
        labels = adjudicated(labels_by_votes(bucket, labelling), bucket)
        tally.count_labels(labels)
        waiting.append(labels.filter(pc.invert(done.contains(labels["sentence_id"]))))
        if sum(map(len, waiting)) >= COMMIT_ROWS:
            table.append_table(pa.concat_tables(waiting), run_id)
            waiting = []
    if waiting:
        table.append_table(pa.concat_tables(waiting), run_id)
