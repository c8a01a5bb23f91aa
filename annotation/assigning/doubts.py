"""Sentences whose label is not sure yet, in a round that asks for votes as they are needed."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import ANNOTATIONS, LABEL_SETS, LABELS
from alignbench.schemas.vocabulary import AnnotationStatus, LabelMethod, Purpose, WithdrawnKind
from alignbench.workspace.workspace import Workspace


def doubtful_sentences(workspace: Workspace, form: Round) -> frozenset[str]:
    """Returns the sentences whose current label is less sure than the round asks for.

    A label that has not seen all votes of today says nothing, nor does one by another method: what
    it is about waits for `label`.
    """
    if form.until is None:
        return frozenset()
    sets = sorted(workspace.table(LABEL_SETS).rows(), key=lambda row: row.version)
    if not sets or sets[-1].method != LabelMethod.SMOOTHED_DAWID_SKENE:
        return frozenset()
    where = (pc.field("label_set_id") == sets[-1].label_set_id) & ~pc.field("adjudicated")
    where &= pc.field("confidence") < form.until
    counts = ["n_correct", "n_incorrect", "n_unknown"]
    columns = ["label_set_id", "sentence_id", "adjudicated", "confidence", *counts]
    labels = workspace.table(LABELS).read(columns, where)
    voter = LabelOptions.of_json(sets[-1].options).voter
    votes = _votes(workspace, labels["sentence_id"].combine_chunks(), voter)
    rows = zip(*(labels[name].to_pylist() for name in ["sentence_id", *counts]), strict=True)
    return frozenset(unit for unit, *seen in rows if sum(seen) == votes.get(unit, 0))


def _votes(workspace: Workspace, sentence_ids: pa.Array, voter: Sequence[str]) -> dict[str, int]:
    """Returns how many votes these sentences have, in all rounds, as labels count them."""
    where = pc.field("sentence_id").isin(sentence_ids)
    where &= pc.field("purpose") == Purpose.LABEL.value
    where &= pc.field("status") == AnnotationStatus.SUBMITTED.value
    where &= ~pc.field("annotator").isin(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR))
    columns = ["sentence_id", "annotator", "round", "purpose", "status"]
    given = workspace.table(ANNOTATIONS).read(columns, where)
    once = given.group_by(list(voter)).aggregate([])
    counted = once.group_by("sentence_id").aggregate([([], "count_all")])
    numbers = (counted[name].to_pylist() for name in ("sentence_id", "count_all"))
    return dict(zip(*numbers, strict=True))
