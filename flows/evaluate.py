"""evaluate: detectors score a release's sentences, and what comes of it is reported.

What comes in: a release, from its files alone. What is done: each detector scores each sentence
whose verdict is known; those of an image stand together, so that a detector sees each image once.
What goes out: rows of `scores`, and a report with its tables and figures.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alignbench.engine.context import RunContext
from alignbench.engine.errors import NothingWorksError, TooManyFailuresError
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Limits
from alignbench.evaluation.chosen_detectors.entries import (
    DetectorEntry,
    PreparedDetector,
    check_names,
)
from alignbench.evaluation.chosen_detectors.images_needed import note_on_images, without_images
from alignbench.evaluation.chosen_detectors.listed import notes_on_lists
from alignbench.evaluation.chosen_detectors.listing import Detectors, listed_detectors
from alignbench.evaluation.evaluate import (
    Evaluation,
    Settings,
    evaluated_sentences,
    report_scores,
    sentences_to_score,
)
from alignbench.flows.runs.orchestration import flow_run_id, run_flow
from alignbench.flows.runs.ray_workers import ray_workforce
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.runs.watching import run_watcher
from alignbench.flows.scoring import ScoringStage, new_scoring_stage
from alignbench.release_format.folder import open_release
from alignbench.release_format.release import Release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.configuration.config import decode_config, parse_run_settings
from alignbench.schemas.configuration.run_section import RunConfig
from alignbench.schemas.fence import Fence
from alignbench.schemas.paths import real_path
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import CONFIG_KEY, Workspace


def evaluate(
    release: str | Path | Release,
    detectors: Detectors,
    out: Path | str | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Scores a release with detectors and writes tables, figures and a report.

    What was scored is kept, so that the same call goes on where it was stopped: in the workspace
    that the release lies in, if it does, or else, and always with `out`, in the report's folder.

    Args:
        release: The release, or its address: a folder, or `s3://bucket/prefix`; may end in
            `latest`.
        detectors: Who scores, one or several: a name as on the command line (`clip`,
            `scores:path=mine.csv`), an entry, or a function from an image and sentences to scores.
            A mapping gives their names.
        out: Folder of the report; by default `evaluations/NAME/VERSION` in the workspace of the
            release, or else in the current folder.
        settings: How it is done.

    Raises:
        NotAReleaseError: There is no release at that address.
        ImagesNeededError: Every detector looks at images, and the release embeds none.
        NothingToScoreError: No sentence of it is known to be correct or incorrect.
        LockHeldError: Another evaluation is going on there.
        AlignBenchError: A detector cannot go on at all; what was scored is kept.
    """
    address = release.address if isinstance(release, Release) else str(release)
    folder, settings = None if out is None else str(out), settings or Settings()
    listed = listed_detectors(detectors)
    entries = [detector for detector in listed if isinstance(detector, DetectorEntry)]
    if len(entries) == len(listed):
        return run_flow(evaluate_flow, address, entries, folder, settings)
    # A function lives in this process: no server could launch it again, so none is told of it.
    settings.check()
    check_names([d if isinstance(d, DetectorEntry) else d.entry for d in listed])
    prepared = [
        PreparedDetector(d) if isinstance(d, DetectorEntry) else d.prepared() for d in listed
    ]
    return _evaluated(address, prepared, folder, settings)


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
    return _evaluated(release, [PreparedDetector(entry) for entry in detectors], out, settings)


def _evaluated(
    release: str, prepared: Sequence[PreparedDetector], out: str | None, settings: Settings
) -> Evaluation:
    reader = ReleaseReader(open_release(release), settings.split)
    notes = [*notes_on_lists(reader, prepared), *note_on_images(reader, prepared)]
    blind = without_images(reader, prepared)
    if len(blind) == len(prepared):
        raise next(iter(blind.values()))
    place = evaluation_place(release, reader.name, out)
    # Held to the end: nobody comes in between two detectors, and two reports never mix.
    with place.context.workspace.store.lock("evaluation"):
        gave_up = {name: str(error) for name, error in blind.items()}
        return _evaluated_in(place, reader, prepared, settings, notes, gave_up)


def _evaluated_in(
    place: "EvaluationPlace",
    reader: ReleaseReader,
    prepared: Sequence[PreparedDetector],
    settings: Settings,
    notes: list[str],
    gave_up: dict[str, str],
) -> Evaluation:
    sentences = evaluated_sentences(reader, settings, place.folder, notes)
    for detector in prepared:
        if detector.name in gave_up:
            continue

        def make_stage(_: Fence, detector: PreparedDetector = detector) -> ScoringStage:
            asked = sentences_to_score(reader, sentences, detector, settings)
            return new_scoring_stage(reader, asked, detector, place.context)

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
    context = RunContext(Workspace(store), settings, run_id, run_watcher(), ray_workforce(settings))
    return EvaluationPlace(folder, context)


def _workspace_of(release: Path) -> Path | None:
    """Returns the workspace that a release's folder lies in."""
    parents = real_path(release).parents
    return next((folder for folder in parents if (folder / CONFIG_KEY).is_file()), None)
