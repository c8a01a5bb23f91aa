"""Rows of what runs leave behind: scores, figures of each run, failures."""

from dataclasses import dataclass

from alignbench.schemas.columns import Bool, Instant, Int, Long, Real, Str
from alignbench.schemas.rows.spans import WordScore
from alignbench.schemas.vocabulary import FailureKind, ScoreStatus, StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A detector's score of a sentence; higher is more likely correct.

    `score` is null unless `status` is `scored` or `windowed`; then `note` says why.
    """

    sentence_id: Str
    image_id: Str
    detector_id: Str
    score: Real | None
    words: tuple[WordScore, ...]
    status: ScoreStatus
    note: Str | None
    seconds: Real | None
    release: Str
    attempts: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """A run of a stage: what it did and what it spent.

    While it works, its counts are the most that it may have come to: what its calls to models can
    cost is written down before they are sent. Of a run that was killed, that stays.

    Attributes:
        stage_run_id: Hash of the run, the stage and its beginning.
        most_tokens: Tokens sent and received, at most.
        most_usd: US dollars, at most; of calls whose price is known.
        unpriced_calls: Calls whose price is not known.
        ended: Whether it came to its end, well or not, so that all counts are exact.
    """

    stage_run_id: Str
    stage: StageName
    started_at: Instant
    seconds: Real
    made: Long
    failed: Long
    empty: Long
    calls: Long
    prompt_tokens: Long
    completion_tokens: Long
    most_tokens: Long
    most_usd: Real
    unpriced_calls: Long
    ended: Bool
    version: Long


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An item that a stage could not do. `scope` is its source or its generator id."""

    stage: StageName
    key: Str
    scope: Str
    kind: FailureKind
    code: Str
    message: Str
    attempts: Int
