"""Running a detector on a release: every sentence once, in commits, and no failure unseen.

Sentences come grouped by image over all generating models, so that a detector sees each image once.
An item's failure is a row like a score, with its reason; the others go on.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.evaluation.entries import PreparedDetector
from alignbench.evaluation.errors import DetectorContractError, DetectorGaveUpError
from alignbench.evaluation.scores import ScoreTable
from alignbench.release_format.sentences import ImageOf, ReleaseReader
from alignbench.schemas.detection import Detector, ScoringRequest, SentenceScore, StreamingDetector
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.item_codes import ItemCode, shorten
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows import Score, WordScore
from alignbench.schemas.vocabulary import FailureKind, ScoreStatus

BATCH: Final = 256
"""Sentences that a detector is handed at once; what its model takes at once is its own business."""

_COMMIT_ROWS: Final = 2048
_COMMIT_SECONDS: Final = 60.0
_ALL_FAIL: Final = 20

Result = SentenceScore | ItemFailure
Progress = Callable[[int, int], None]
"""Called with how many sentences are done now, and how many of them have no usable score."""


class ScoringReport(NamedTuple):
    """What a run did: sentences scored now, of these without a usable score, and scored before."""

    made: int
    unusable: int
    before: int


def score_release(
    release: ReleaseReader,
    sentences: pa.Table,
    detector: PreparedDetector,
    scores: ScoreTable,
    run_id: str,
    progress: Progress | None = None,
    *,
    retry: bool = False,
) -> ScoringReport:
    """Scores the sentences that a detector has not scored yet; the model is loaded only for those.

    Args:
        release: Where the images are.
        sentences: Those to be scored, as `ReleaseReader.sentences` gives them.
        detector: Who scores.
        scores: Where scores are kept.
        run_id: Stamped on each row.
        progress: Told of each commit, if anyone is to be told.
        retry: Whether sentences that failed before are tried again.

    Raises:
        DetectorGaveUpError: It failed on all of the first 20.
        AlignBenchError: The detector cannot go on at all; what was scored is kept.
    """
    pending = scores.pending(sentences, detector.detector_id, retry=retry)
    report = ScoringReport(0, 0, len(sentences) - len(pending.sentences))
    if not len(pending.sentences):
        return report
    requests = _requests(release, pending.sentences, with_images=detector.reads_pixels)
    rows: list[Score] = []
    tried = 0
    committed = started = time.monotonic()

    def commit() -> None:
        nonlocal committed
        scores.append(rows, run_id)
        rows.clear()
        committed = time.monotonic()
        if progress is not None:
            progress(report.made, report.unusable)

    try:
        for request, result in _results(detector.load(), requests):
            attempts = pending.attempts.get(request.sentence_id, 0) + 1
            row = _row(request, result, detector.detector_id, release.name, attempts)
            rows.append(row)
            report = report._replace(
                made=report.made + 1, unusable=report.unusable + (row.score is None)
            )
            tried += not _has_nothing(result)
            _stop_if_all_fail(report, tried, row, detector.name)
            if len(rows) >= _COMMIT_ROWS or time.monotonic() - committed > _COMMIT_SECONDS:
                seconds = (time.monotonic() - started) / report.made
                rows[:] = [_timed(row, seconds) for row in rows]
                commit()
    finally:
        if rows:
            seconds = (time.monotonic() - started) / max(1, report.made)
            rows[:] = [_timed(row, seconds) for row in rows]
            commit()
    return report


def _requests(
    release: ReleaseReader, sentences: pa.Table, *, with_images: bool
) -> Iterator[ScoringRequest]:
    """Yields the sentences, those of an image together; `image` is empty if there is none."""
    of_image: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    columns = [sentences[name].to_pylist() for name in ("image_id", "sentence_id", "caption")]
    for image_id, sentence_id, text in zip(*columns, strict=True):
        of_image[image_id].append((sentence_id, text))
    images = release.images(sentences) if with_images else (ImageOf(name, b"") for name in of_image)
    for image_id, data in images:
        for sentence_id, text in of_image[image_id]:
            yield ScoringRequest(sentence_id, text, image_id, data or b"")


def _results(
    detector: Detector, requests: Iterator[ScoringRequest]
) -> Iterator[tuple[ScoringRequest, Result]]:
    """Yields each request with its result; a sentence whose image is missing is not asked about."""
    if isinstance(detector, StreamingDetector):
        yield from _streamed(detector, requests)
        return
    for batch in _batches(requests):
        askable = [request for request in batch if request.image or not detector.reads_pixels]
        answers = iter(_pinned(detector, askable))
        for request in batch:
            if request.image or not detector.reads_pixels:
                yield request, next(answers)
            else:
                yield request, _absent(request)


def _streamed(
    detector: StreamingDetector, requests: Iterator[ScoringRequest]
) -> Iterator[tuple[ScoringRequest, Result]]:
    waiting: dict[int, ScoringRequest] = {}
    absent: list[ScoringRequest] = []

    def askable() -> Iterator[ScoringRequest]:
        place = 0
        for request in requests:
            if request.image:
                waiting[place] = request
                place += 1
                yield request
            else:
                absent.append(request)

    for place, result in detector.score_stream(askable()):
        yield waiting.pop(place), result
    for request in absent:
        yield request, _absent(request)


def _batches(requests: Iterator[ScoringRequest]) -> Iterator[list[ScoringRequest]]:
    """Yields batches that do not part an image's sentences, unless they alone are too many."""
    batch: list[ScoringRequest] = []
    for request in requests:
        if batch and (
            (len(batch) >= BATCH and request.image_id != batch[-1].image_id)
            or len(batch) >= 2 * BATCH
        ):
            yield batch
            batch = []
        batch.append(request)
    if batch:
        yield batch


def _pinned(detector: Detector, requests: Sequence[ScoringRequest]) -> list[Result]:
    """Returns a result for each request; an unforeseen error is pinned to its item by halving."""
    if not requests:
        return []
    try:
        results = detector.score(requests)
    except AlignBenchError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in's bug costs the item that shows it
        if len(requests) == 1:
            said = f"{type(error).__name__}: {error}"
            return [ItemCode.DETECTOR_RAISED.failure(f"The detector failed: {said}")]
        half = len(requests) // 2
        return [*_pinned(detector, requests[:half]), *_pinned(detector, requests[half:])]
    if len(results) != len(requests):
        raise DetectorContractError(
            f"The detector gave {len(results)} scores for {len(requests)} sentences.",
            "Its method score must return one score, or one failure, for each; correct it.",
        )
    return results


def _absent(request: ScoringRequest) -> ItemFailure:
    message = f"Image {request.image_id} is not in the release."
    return ItemCode.IMAGE_ABSENT.failure(message, FailureKind.EMPTY)


def _row(
    request: ScoringRequest, result: Result, detector_id: str, release: str, attempts: int
) -> Score:
    score: float | None = None
    words: tuple[WordScore, ...] = ()
    note: str | None = None
    if isinstance(result, ItemFailure):
        status, note = ScoreStatus.FAILED, f"{result.code}: {shorten(result.message)}"
    elif not math.isfinite(result.score):
        status = ScoreStatus.INVALID
        note = f"{ItemCode.SCORE_INVALID.value}: The detector gave {result.score}."
    else:
        status = ScoreStatus.WINDOWED if result.parts > 1 else ScoreStatus.SCORED
        note = f"scored in {result.parts} parts" if result.parts > 1 else None
        score = float(result.score)
        words = result.words
    return Score(
        sentence_id=request.sentence_id,
        image_id=request.image_id,
        detector_id=detector_id,
        score=score,
        words=words,
        status=status,
        note=note,
        seconds=None,
        release=release,
        attempts=attempts,
    )


def _timed(row: Score, seconds: float) -> Score:
    return replace(row, seconds=seconds)


def _has_nothing(result: Result) -> bool:
    """Whether there is nothing to be scored, which is no fault of the detector's."""
    return isinstance(result, ItemFailure) and result.kind is FailureKind.EMPTY


def _stop_if_all_fail(report: ScoringReport, tried: int, row: Score, name: str) -> None:
    if tried == _ALL_FAIL and report.made == report.unusable and not report.before:
        raise DetectorGaveUpError(
            f"The detector {name!r} failed on all of the first {_ALL_FAIL} sentences; "
            f"the last time: {row.note}",
            "Correct what it says, then run the same command again with --retry.",
        )
