"""An adjudicator's answer is final: it replaces what the votes made of a sentence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.columns.span_values import spans_of
from alignbench.release.labels.spans import adjudicated_spans
from alignbench.release.votes.votes import SentenceBucket
from alignbench.schemas.columns import from_batch, to_batch
from alignbench.schemas.rows.labels import Label
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict

Row = dict[str, Any]


def adjudicated(labels: pa.Table, bucket: SentenceBucket) -> pa.Table:
    """Returns the labels with those replaced whose sentence has an adjudication.

    The votes' counts and agreement stay; the confidence is 1.
    """
    finals: dict[str, Row] = {row["sentence_id"]: row for row in bucket.adjudications.to_pylist()}
    ids = pa.array(list(finals), pa.string())
    places = np.flatnonzero(pc.is_in(labels["sentence_id"], value_set=ids).to_numpy())
    if not len(places):
        return labels
    texts = _rows(bucket.sentences, ids, ("sentence_id", "text"))
    marks: defaultdict[str, list[tuple[Span, ...]]] = defaultdict(list)
    for vote in _rows(bucket.votes, ids, ("sentence_id", "verdict", "spans")):
        if vote["verdict"] == Verdict.INCORRECT:
            marks[vote["sentence_id"]].append(spans_of(vote["spans"] or []))
    text_of = {row["sentence_id"]: str(row["text"]) for row in texts}
    replaced = [
        _final(label, finals[key], text_of[key], marks[key])
        for label in from_batch(Label, labels.take(pa.array(places)))
        for key in (label.sentence_id,)
    ]
    order = np.arange(len(labels))
    order[places] = len(labels) + np.arange(len(replaced))
    further = pa.Table.from_batches([to_batch(Label, replaced)])
    return pa.concat_tables([labels, further]).take(pa.array(order))


def _final(label: Label, final: Row, text: str, marks: Sequence[tuple[Span, ...]]) -> Label:
    verdict = Verdict(final["verdict"])
    label = replace(
        label,
        verdict=verdict,
        confidence=1.0,
        adjudicated=True,
        error_type=None,
        error_spans=(),
        span_agreement=None,
    )
    if verdict is not Verdict.INCORRECT:
        return label
    found = adjudicated_spans(text, spans_of(final["spans"] or []), marks)
    return replace(
        label,
        error_type=found.error_type,
        error_spans=found.spans,
        span_agreement=found.agreement.value,
    )


def _rows(table: pa.Table, ids: pa.Array, columns: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = (
        table.filter(pc.is_in(table["sentence_id"], value_set=ids)).select(columns).to_pylist()
    )
    return rows
