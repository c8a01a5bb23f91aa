"""Where every stage stands, for each source and model; asks no server and changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow.compute as pc

from alignbench.annotation.rounds.forms import question_rounds, round_form
from alignbench.engine.pending import Plan
from alignbench.engine.report import StageCounts
from alignbench.engine.stage import StageInputs
from alignbench.evaluation.scores.scores import current_failures, names_in_records, scored_keys
from alignbench.flows.asking.round_inputs import RoundInputs
from alignbench.flows.caption import CaptionStage
from alignbench.flows.imagine import ImagineStage
from alignbench.flows.ingest import IngestStage
from alignbench.flows.prompts import PromptsStage
from alignbench.flows.questions.judge import JudgeStage
from alignbench.flows.questions.respond import RespondStage, blind_was_begun, scope_names
from alignbench.flows.questions.rewrite import RewriteStage
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.answerers import imported_models
from alignbench.flows.selected.chat_models import planned_responders
from alignbench.flows.selected.generators import planned_generators
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.flows.selected.sentences import current_splitter
from alignbench.flows.split import SplitStage, installed_row
from alignbench.schemas.errors import AlignBenchError, MissingExtraError
from alignbench.schemas.rows.runs import StageRun
from alignbench.schemas.tables import (
    ANNOTATIONS,
    FAILURES,
    GENERATORS,
    JUDGES,
    LABEL_SETS,
    QUARANTINE,
    QUESTIONS,
    RATINGS,
    SCORES,
    STAGE_RUNS,
    VARIANT_CHECKS,
)
from alignbench.schemas.vocabulary import Direction, FailureKind, StageName
from alignbench.workspace.tables.keys import KeySet
from alignbench.workspace.workspace import open_workspace


class FailureRow(NamedTuple):
    """An item that is failed or empty now, for people."""

    stage: str
    scope: str
    key: str
    kind: str
    code: str
    message: str
    attempts: int


def stage_runs(address: str) -> list[StageRun]:
    """Returns the runs of stages that did or spent something, the oldest first."""
    rows = open_workspace(address).table(STAGE_RUNS).rows()
    return sorted(rows, key=lambda row: (row.started_at, row.stage_run_id))


class WorkspaceStatus(NamedTuple):
    """Where a workspace stands.

    Attributes:
        counts: Of every stage.
        notes: Sentences for people: which sources could not be looked at.
    """

    counts: list[StageCounts]
    notes: list[str]


def workspace_status(address: str) -> WorkspaceStatus:
    """Returns the counts of every stage of a workspace; sources may be gone that were taken in."""
    run = open_run(address)
    counts: list[StageCounts] = []
    notes: list[str] = []
    for stage in _stages(run):
        counts += _named(run, stage)
        for source, error in _gone(stage).items():
            notes.append(f"{source}: what is left to take of it is not known. {error.what}")
    return WorkspaceStatus([*counts, *_later_stages(run)], notes)


def stage_counts(address: str, name: StageName) -> list[StageCounts]:
    """Returns the counts of one stage that runs on the engine.

    Raises:
        AlignBenchError: A source of it cannot be opened or listed.
    """
    run = open_run(address)
    found: list[StageCounts] = []
    for stage in _stages(run):
        if stage.name is name:
            found += _named(run, stage)
            for error in _gone(stage).values():
                raise error
    return found


def failure_rows(address: str) -> list[FailureRow]:
    """Returns what failed, was empty or set aside, and that no later run has done."""
    run = open_run(address)
    names = _model_names(run)
    rows: list[FailureRow] = []
    # A stage may be there several times: `push`, once a round.
    done_keys: dict[StageName, list[KeySet]] = {}
    for stage in _stages(run):
        done_keys.setdefault(stage.name, []).append(KeySet(stage.done()["key"]))
    for name, done in done_keys.items():
        of_stage = pc.field("stage") == name.value
        rows += [
            FailureRow(
                row.stage,
                names.get(row.scope, row.scope),
                row.key,
                row.kind,
                row.code,
                row.message,
                row.attempts,
            )
            for row in run.workspace.table(FAILURES).rows(of_stage)
            if not any(row.key in keys for keys in done)
        ]
    return [*rows, *_unscored(run), *_set_aside(run)]


def _unscored(run: Run) -> Iterator[FailureRow]:
    for detector_id, name in _detector_names(run).items():
        for row in current_failures(run.workspace, detector_id):
            yield FailureRow(
                row.stage, name, row.key, row.kind, row.code, row.message, row.attempts
            )


def _set_aside(run: Run) -> Iterator[FailureRow]:
    for row in run.workspace.table(QUARANTINE).rows():
        place = f"project {row.project_id}, task {row.task_id}"
        yield FailureRow(
            StageName.PULL, place, str(row.annotation_id), "set aside", row.code, row.reason, 1
        )


def _stages(run: Run) -> Iterator[StageInputs]:
    yield IngestStage(run, may_be_gone=True)
    if run.config.image_generators or run.config.prompts:
        yield PromptsStage(run, may_be_gone=True)
    yield CaptionStage(run, planned_generators(run, Direction.I2T))
    if run.config.image_generators:
        yield ImagineStage(run, planned_generators(run, Direction.T2I))
    try:
        yield SplitStage(run, current_splitter(run) or installed_row())
    except MissingExtraError:
        # Nothing was split yet and nothing can be here; the stages around it can still be told.
        pass
    else:
        settings = run.config.annotation
        for name in dict.fromkeys([settings.round, *question_rounds(run.workspace)]):
            form = round_form(run.workspace, name, settings)
            yield RoundInputs(run, None, form, with_undealt=True)
    yield from _question_stages(run)


def _question_stages(run: Run) -> Iterator[StageInputs]:
    if not run.workspace.table(QUESTIONS).part_names():
        return
    if run.config.rewriters:
        yield RewriteStage(run, planned_rewriters(run))
    blind = (False, True) if blind_was_begun(run) else (False,)
    yield RespondStage(run, planned_responders(run), blind)
    yield JudgeStage(run, planned_judges(run))


def _named(run: Run, stage: StageInputs) -> list[StageCounts]:
    names = _model_names(run)
    of_round = ""
    if isinstance(stage, RoundInputs) and stage.round_name != run.config.annotation.round:
        of_round = f", round {stage.round_name}"
    counts = Plan(stage, run.workspace).counts()
    return [
        replace(item, scope=f"{names.get(item.scope, item.scope)}{of_round}")
        for item in _with_gone(run, stage, counts)
    ]


def _gone(stage: StageInputs) -> Mapping[str, AlignBenchError]:
    """Returns the sources of a stage that cannot be opened or listed."""
    return stage.sources.gone if isinstance(stage, IngestStage | PromptsStage) else {}


def _with_gone(
    run: Run, stage: StageInputs, counts: Sequence[StageCounts]
) -> Iterator[StageCounts]:
    """Yields counts in which a source that is gone has what came of it, and nothing pending."""
    gone = _gone(stage)
    yield from (item for item in counts if item.scope not in gone)
    if not gone:
        return
    done = stage.done()
    done_keys = KeySet(done["key"])
    came = Counter(done["scope"].to_pylist())
    failures = Counter(
        (row.scope, row.kind)
        for row in run.workspace.table(FAILURES).rows(pc.field("stage") == stage.name.value)
        if row.key not in done_keys
    )
    for scope in gone:
        failed, empty = (failures[scope, kind] for kind in (FailureKind.FAILED, FailureKind.EMPTY))
        yield StageCounts(stage.name, scope, came[scope], 0, failed, empty, 0)


def _model_names(run: Run) -> dict[str, str]:
    """Returns the names of scopes; a model that the configuration left is told by its id too."""
    planned = [one for direction in Direction for one in planned_generators(run, direction)]
    if run.workspace.table(QUESTIONS).part_names():
        planned += planned_responders(run)
        planned += [one.writer for one in planned_rewriters(run)]
    selected = {one.row.generator_id for one in planned}
    selected |= {row.generator_id for row in imported_models(run)}
    names = {
        row.generator_id: row.model
        if row.generator_id in selected
        else f"{row.model} ({row.generator_id[:8]})"
        for row in run.workspace.table(GENERATORS).rows()
    }
    for one in planned:
        names.setdefault(one.row.generator_id, one.config.name)
    return names | scope_names(names) | _judge_names(run)


def _judge_names(run: Run) -> dict[str, str]:
    known = {
        row.judge_id: f"{row.name} ({row.judge_id[:8]})"
        for row in run.workspace.table(JUDGES).rows()
    }
    return known | {one.row.judge_id: one.row.name for one in planned_judges(run)}


def _later_stages(run: Run) -> list[StageCounts]:
    answers = run.workspace.table(ANNOTATIONS).count() + run.workspace.table(RATINGS).count()
    answers += run.workspace.table(VARIANT_CHECKS).count()
    quarantined = run.workspace.table(QUARANTINE).count()
    sets = list(run.workspace.table(LABEL_SETS).rows())
    labelled = max(sets, key=lambda row: row.version).sentences if sets else 0
    return [
        StageCounts(StageName.PULL, "answers", answers, 0, quarantined, 0, 0),
        StageCounts(StageName.LABEL, "sentences", labelled, 0, 0, 0, 0),
        *_score_counts(run),
    ]


def _score_counts(run: Run) -> Iterator[StageCounts]:
    """Yields how far each detector is that an evaluation in this workspace asked.

    What is pending depends on the release that is evaluated, and is not counted.
    """
    for detector_id, name in _detector_names(run).items():
        kinds = [failure.kind for failure in current_failures(run.workspace, detector_id)]
        yield StageCounts(
            StageName.EVALUATE,
            name,
            len(scored_keys(run.workspace, detector_id)),
            0,
            kinds.count(FailureKind.FAILED),
            kinds.count(FailureKind.EMPTY),
            0,
        )


def _detector_names(run: Run) -> dict[str, str]:
    """Returns the detectors that have a score or a failure; names stand in evaluations' records."""
    failed = pc.field("stage") == StageName.EVALUATE.value
    columns = (
        run.workspace.table(SCORES).read(["detector_id"])["detector_id"],
        run.workspace.table(FAILURES).read(["stage", "scope"], failed)["scope"],
    )
    ids = {detector_id for column in columns for detector_id in pc.unique(column).to_pylist()}
    named = names_in_records(run.workspace.store) if ids else {}
    return {detector_id: named.get(detector_id, detector_id[:12]) for detector_id in sorted(ids)}
