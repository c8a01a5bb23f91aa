"""Rows of what comes of the answers: labels."""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Int, Long, Real, Str
from alignbench.schemas.rows.spans import VotedSpan
from alignbench.schemas.vocabulary import HallucinationType, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """One computation of labels; the highest version is the current one. `options` is JSON.

    `name` is what its operator calls it; a set without one goes by its id.
    """

    label_set_id: Str
    method: Str
    options: Str
    answers_sha256: Str
    sentences: Long
    version: Long
    name: Str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the annotators of a sentence said together."""

    label_set_id: Str
    sentence_id: Str
    verdict: Verdict
    confidence: Real
    n_correct: Int
    n_incorrect: Int
    n_unknown: Int
    agreement_ratio: Real
    fleiss_Pi: Real | None  # noqa: N815 - the published column's name
    error_type: HallucinationType | None
    error_spans: tuple[VotedSpan, ...]
    span_agreement: Str | None
    adjudicated: Bool
