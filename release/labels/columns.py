"""The labels of some sentences as columns of table `labels`; no Python per sentence but for spans.

Most sentences are correct, and of those nothing is looked at one by one.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.fleiss import item_agreement
from alignbench.release.columns.joins import looked_up
from alignbench.release.columns.span_values import spans_of
from alignbench.release.columns.verdict_counts import VERDICTS, Counts, count_verdicts
from alignbench.release.labels.majority import agreement_ratio
from alignbench.release.labels.spans import SpanLabel, agree_on_spans
from alignbench.release.labels.verdicts import Decide
from alignbench.release.votes.votes import SentenceBucket
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows.labels import Label
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict

_SCHEMA: Final = arrow_schema(Label)
_INCORRECT: Final = VERDICTS.index(Verdict.INCORRECT)


class Labelling(NamedTuple):
    """Which labels are made, and how."""

    set_id: str
    minimum_votes: int
    decide: Decide


def labels_by_votes(bucket: SentenceBucket, labelling: Labelling) -> pa.Table:
    """Returns the labels of a bucket's sentences that have enough votes, by the votes alone."""
    sentence_ids, counts = count_verdicts(bucket.votes)
    enough = np.flatnonzero(counts.sum(axis=1) >= labelling.minimum_votes)
    counts, sentence_ids = counts[enough], sentence_ids.take(pa.array(enough))
    if not len(counts):
        return _SCHEMA.empty_table()
    decision = labelling.decide(sentence_ids, counts)
    is_wrong = decision.verdicts == _INCORRECT
    spans = _span_labels(bucket, sentence_ids.filter(pa.array(is_wrong)))
    columns: dict[str, Any] = {
        "label_set_id": pa.repeat(labelling.set_id, len(counts)),
        "sentence_id": sentence_ids,
        "verdict": _verdict_names().take(pa.array(decision.verdicts)),
        "confidence": decision.confidence,
        **{f"n_{verdict}": counts[:, place] for place, verdict in enumerate(VERDICTS)},
        "agreement_ratio": agreement_ratio(counts),
        "fleiss_Pi": pa.array(item_agreement(counts), mask=counts.sum(axis=1) < 2),
        **_span_columns(is_wrong, spans),
        "adjudicated": np.zeros(len(counts), np.bool_),
    }
    arrays = [_as(columns[field.name], field.type) for field in _SCHEMA]
    return pa.table(arrays, schema=_SCHEMA)


def _span_labels(bucket: SentenceBucket, wrong: pa.Array) -> list[SpanLabel]:
    """Returns the wrong spans of the sentences that are incorrect; only they are looked at."""
    is_wrong = pc.is_in(bucket.votes.column("sentence_id"), value_set=wrong)
    says_so = pc.equal(bucket.votes.column("verdict"), Verdict.INCORRECT.value)
    votes = bucket.votes.filter(pc.and_(is_wrong, says_so)).select(["sentence_id", "spans"])
    given: dict[str, list[tuple[Span, ...]]] = {}
    for sentence, spans in zip(*(column.to_pylist() for column in votes.columns), strict=True):
        given.setdefault(sentence, []).append(spans_of(spans or []))
    texts = looked_up(pa.chunked_array([wrong]), bucket.sentences, "sentence_id").column("text")
    return [
        agree_on_spans(text, given.get(sentence, []))
        for sentence, text in zip(wrong.to_pylist(), texts.to_pylist(), strict=True)
    ]


def _span_columns(
    is_wrong: npt.NDArray[np.bool_], labels: Sequence[SpanLabel]
) -> dict[str, pa.Array]:
    """Returns the columns that say which words are wrong: of sentences that are, and of the rest.

    Args:
        is_wrong: Of all sentences, which are incorrect.
        labels: Of those, in their order.
    """
    kinds: list[str | None] = [None] * len(is_wrong)
    agreements: list[str | None] = [None] * len(is_wrong)
    spans: list[list[dict[str, Any]]] = [[]] * len(is_wrong)
    for place, label in zip(np.flatnonzero(is_wrong).tolist(), labels, strict=True):
        kinds[place] = None if label.error_type is None else label.error_type.value
        spans[place] = [asdict(span) | {"type": span.type.value} for span in label.spans]
        agreements[place] = label.agreement.value
    return {
        "error_type": pa.array(kinds, pa.string()),
        "error_spans": pa.array(spans, _SCHEMA.field("error_spans").type),
        "span_agreement": pa.array(agreements, pa.string()),
    }


def _verdict_names() -> pa.Array:
    return pa.array([verdict.value for verdict in VERDICTS])


def _as(values: pa.Array | Counts | npt.NDArray[np.float64], kind: pa.DataType) -> pa.Array:
    found = values if isinstance(values, pa.Array) else pa.array(values)
    return found if found.type == kind else found.cast(kind)
