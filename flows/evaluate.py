"""evaluate: detectors score a release's sentences, and what comes of it is reported.

What comes in: a release, from its files alone. What is done: each detector scores each sentence
whose verdict is known; those of an image stand together, so that a detector sees each image once.
What goes out: rows of `scores`, and a report with its tables and figures.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from alignbench.engine.errors import NothingWorksError, TooManyFailuresError
from alignbench.engine.matching import Stream, answered, in_batches
from alignbench.engine.running import RunContext, run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.evaluation.entries import DetectorEntry, PreparedDetector, check_names
from alignbench.evaluation.evaluate import Evaluation, Settings, evaluated_sentences, report_scores
from alignbench.evaluation.requests import by_image, scoring_requests, whole_images
from alignbench.evaluation.scores import (
    failures_of_older_versions,
    score_keys,
    scored_keys,
    unusable_rows,
)
from alignbench.flows.orchestration import flow_run_id, run_flow, stage_flow
from alignbench.flows.watching import run_watcher
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.config import RunConfig, decode_config, parse_run_settings
from alignbench.schemas.detection import (
    Detector,
    ScoringRequest,
    SentenceScore,
    StreamingDetector,
)
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows import Score
from alignbench.schemas.tables import FAILURES, SCORES, TableSpec
from alignbench.schemas.vocabulary import ScoreStatus, StageName
from alignbench.workspace.local import LocalStore
from alignbench.workspace.workspace import CONFIG_KEY, Workspace


def evaluate(
    address: str,
    detectors: Sequence[DetectorEntry],
    out: Path | str | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Scores a release with detectors and writes tables, figures and a report.

    What was scored is kept, so that the same call goes on where it was stopped: in the workspace
    that the release lies in, if it does, or else, and always with `out`, in the report's folder.

    Args:
        address: The release: a folder, or `s3://bucket/prefix`; may end in `latest`.
        detectors: Who scores; see `parse_detector`.
        out: Folder of the report; by default `evaluations/NAME/VERSION` in the workspace of the
            release, or else in the current folder.
        settings: How it is done.

    Raises:
        NotAReleaseError: There is no release at that address.
        NothingToScoreError: No sentence of it is known to be correct or incorrect.
        AlignBenchError: A detector cannot go on at all; what was scored is kept.
    """
    folder = None if out is None else str(out)
    return run_flow(evaluate_flow, address, list(detectors), folder, settings or Settings())


@stage_flow("evaluate")
def evaluate_flow(
    release: str,
    detectors: list[DetectorEntry],
    out: str | None = None,
    settings: Settings = Settings(),  # noqa: B008 - an immutable value
) -> Evaluation:
    """Does what `evaluate` says, as a Prefect flow where a server is configured."""
    settings.check()
    check_names(detectors)
    prepared = [PreparedDetector(entry) for entry in detectors]
    reader = ReleaseReader(open_release(release), settings.split)
    place = evaluation_place(release, reader.name, out)
    sentences = evaluated_sentences(reader, settings, place.folder)
    gave_up: dict[str, str] = {}
    for detector in prepared:

        def make_stage(_: Fence, detector: PreparedDetector = detector) -> ScoringStage:
            return new_scoring_stage(reader, sentences.table, detector, place.context)

        try:
            run_stage(StageName.EVALUATE, make_stage, place.context, Limits(retry=settings.retry))
        except NothingWorksError as error:
            gave_up[detector.name] = str(error)
        except TooManyFailuresError:
            pass  # the report counts them, and others' scores are worth having
    workspace = place.context.workspace
    return report_scores(reader, sentences, prepared, workspace, place.folder, settings, gave_up)


class EvaluationPlace(NamedTuple):
    """Where an evaluation goes.

    Attributes:
        folder: Of the report.
        context: Where scores are kept, and the settings of `[run]`.
    """

    folder: Path
    context: RunContext


def evaluation_place(address: str, name: str, out: str | None) -> EvaluationPlace:
    """Returns where the evaluation of a release goes.

    Args:
        address: Of the release.
        name: `NAME/VERSION` of the release, as a safe path.
        out: The folder that is asked for.
    """
    root = None if out is not None or address.startswith("s3://") else _workspace_of(Path(address))
    if root is None:
        folder = Path("evaluations", name) if out is None else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        store, settings = LocalStore(folder), RunConfig()
    else:
        folder, store = root / "evaluations" / name, LocalStore(root)
        where = str(root / CONFIG_KEY)
        settings = parse_run_settings(decode_config(store.read(CONFIG_KEY), where), where)
    run_id = flow_run_id() or uuid.uuid4().hex
    return EvaluationPlace(folder, RunContext(Workspace(store), settings, run_id, run_watcher()))


def _workspace_of(release: Path) -> Path | None:
    """Returns the workspace that a release's folder lies in."""
    parents = release.resolve().parents
    return next((folder for folder in parents if (folder / CONFIG_KEY).is_file()), None)


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

    def done(self) -> pa.Table:
        """Returns the sentences that this detector has scored."""
        detector_id = self._detector.detector_id
        keys = scored_keys(self._workspace, detector_id)
        return pa.table({"key": keys, "scope": pa.array([detector_id] * len(keys), pa.string())})

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Scores sentences; one whose image the release does not hold is not asked about."""
        if self._loaded is None:
            self._loaded = self._detector.load()
        asked = scoring_requests(self._reader, items, with_images=self._detector.reads_pixels)
        results = answered(asked, _stream(self._loaded), self._detector.name)
        started = time.monotonic()
        for count, ((key, request), result) in enumerate(results, 1):
            yield self._outcome(key, request, result, (time.monotonic() - started) / count)

    def _outcome(
        self, key: str, request: ScoringRequest, result: SentenceScore | ItemFailure, seconds: float
    ) -> Outcome:
        if isinstance(result, ItemFailure):
            return Failed(key, result)
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
    known = workspace.table(FAILURES).keys("key")
    fresh = [failure for key, failure in older.items() if key not in known]
    workspace.table(FAILURES).append(fresh, context.run_id)
    attempts = {key: failure.attempts for key, failure in older.items()}
    return ScoringStage(reader, sentences, detector, workspace, attempts)


def _stream(detector: Detector) -> Stream[ScoringRequest, SentenceScore | ItemFailure]:
    if isinstance(detector, StreamingDetector):
        return detector.score_stream
    return in_batches(whole_images, detector.score, type(detector).__name__)
