"""Scoring the sentences of a release, as a stage: `evaluate` runs it for each detector."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from alignbench.engine.context import RunContext
from alignbench.engine.errors import BackendContractError
from alignbench.engine.matching import Stream, answered, in_batches
from alignbench.engine.stage import Failed, Made, Outcome, Stage
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.scores.requests import by_image, scoring_requests, whole_images
from alignbench.evaluation.scores.scores import (
    failures_of_older_versions,
    score_keys,
    scored_keys,
    unusable_rows,
)
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.detection import Detector, ScoringRequest, SentenceScore, StreamingDetector
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.runs import Score
from alignbench.schemas.tables import FAILURES, SCORES, TableSpec
from alignbench.schemas.vocabulary import ScoreStatus, StageName
from alignbench.workspace.workspace import Workspace


class ScoringStage(Stage):
    """Items are a release's sentences for one detector, which is their scope."""

    name: ClassVar[StageName] = StageName.EVALUATE
    writes: ClassVar[Sequence[TableSpec[Any]]] = (SCORES,)
    mixes_scopes: ClassVar[bool] = False

    def __init__(
        self,
        reader: ReleaseReader,
        sentences: pa.Table,
        detector: PreparedDetector,
        workspace: Workspace,
        attempts: dict[str, int],
    ) -> None:
        """Names what is scored by whom.

        Args:
            reader: Where the images are.
            sentences: Those to be scored.
            detector: Who scores them.
            workspace: Where scores are kept.
            attempts: How often a sentence was tried that has an unusable row in table `scores`.
        """
        self.notes = (f"by {detector.name}",)
        self._reader = reader
        self._sentences = sentences
        self._detector = detector
        self._workspace = workspace
        self._attempts = attempts
        self._loaded: Detector | None = None
        self.is_shareable = detector.can_be_sent

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": None}

    @property
    def how_to_retry(self) -> str:
        """The command that tries failed items again."""
        return "alignbench evaluate … --retry"

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the sentences, those of an image together."""
        detector_id = self._detector.detector_id
        table = self._sentences if keys_only else by_image(self._sentences)
        keys = score_keys(table["sentence_id"], table["image_id"], detector_id)
        scope = pa.chunked_array([pa.array([detector_id] * len(table), pa.string())])
        yield table.append_column("key", keys).append_column("scope", scope)

    def gpus(self, scope: str) -> float | None:  # noqa: ARG002
        """Returns how many GPUs the detector needs."""
        return self._detector.gpus

    def done(self) -> pa.Table:
        """Returns the sentences that this detector has scored."""
        detector_id = self._detector.detector_id
        keys = scored_keys(self._workspace, detector_id)
        return pa.table({"key": keys, "scope": pa.array([detector_id] * len(keys), pa.string())})

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Scores sentences; one whose image the release does not hold is not asked about."""
        if self._loaded is None:
            self._loaded = self._detector.load()
        asked = scoring_requests(
            self._reader,
            items,
            with_images=self._detector.reads_pixels,
            most_references=self._detector.most_references,
        )
        results = answered(asked, _stream(self._loaded), self._detector.name)
        before = time.monotonic()
        for (key, request), result in results:
            # The first of a batch has its whole time, so that the mean over sentences is right.
            now = time.monotonic()
            yield self._outcome(key, request, result, now - before)
            before = now

    def _outcome(
        self, key: str, request: ScoringRequest, result: SentenceScore | ItemFailure, seconds: float
    ) -> Outcome:
        if isinstance(result, ItemFailure):
            return Failed(key, result)
        if not isinstance(result, SentenceScore):  # a plug-in's promise
            raise BackendContractError(
                f"{self._detector.name} gave {type(result).__name__} for a sentence.",
                "Mend the detector: one SentenceScore for each sentence, or an ItemFailure.",
            )
        if not result.is_finite:
            message = f"The detector gave {result.score}."
            return Failed(key, ItemCode.SCORE_INVALID.failure(message))
        in_parts = result.parts > 1
        score = Score(
            sentence_id=request.sentence_id,
            image_id=request.image_id,
            detector_id=self._detector.detector_id,
            score=float(result.score),
            words=result.words,
            status=ScoreStatus.WINDOWED if in_parts else ScoreStatus.SCORED,
            note=f"scored in {result.parts} parts" if in_parts else None,
            seconds=seconds,
            release=self._reader.name,
            attempts=self._attempts.get(key, 0) + 1,
        )
        return Made(key, [score])


def new_scoring_stage(
    reader: ReleaseReader, sentences: pa.Table, detector: PreparedDetector, context: RunContext
) -> ScoringStage:
    """Returns the stage; failures that an older version kept otherwise get their rows first."""
    workspace = context.workspace
    older = {
        failure.key: failure
        for failure in failures_of_older_versions(unusable_rows(workspace, detector.detector_id))
    }
    if older:
        known = workspace.table(FAILURES).keys("key")
        fresh = [failure for key, failure in older.items() if key not in known]
        workspace.table(FAILURES).append(fresh, context.run_id)
    attempts = {key: failure.attempts for key, failure in older.items()}
    return ScoringStage(reader, sentences, detector, workspace, attempts)


def _stream(detector: Detector) -> Stream[ScoringRequest, SentenceScore | ItemFailure]:
    if isinstance(detector, StreamingDetector):
        return detector.score_stream
    return in_batches(whole_images, detector.score, type(detector).__name__)
