"""push: sentences go to the annotators, models' answers and reworded questions to those who judge.

What comes in: the sentences of a round, its captions, the answers to the questions that were
sampled for it, or the questions in other words that were drawn for it, those of one image one after
another; gold among them. What is done: they are dealt
out to people, which table `assignments` keeps; each question becomes a task in its annotator's
project, whose intent is written before it is sent, so that a kill at any moment makes no task
twice. What goes out: confirmed rows of `tasks`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.queues import keep_queues
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import check_server
from alignbench.annotation.pushing.overlap import AdjustedOverlap, adjust_overlap
from alignbench.annotation.pushing.progress import QueueProgress
from alignbench.annotation.pushing.push import Pusher, PushOptions, Reconciliation
from alignbench.annotation.rounds.forms import begin_round, question_rounds, round_form
from alignbench.annotation.rounds.gold import read_gold
from alignbench.annotation.rounds.members import Draw, draw_gold, draw_sample
from alignbench.annotation.rounds.wording import wording_changes
from alignbench.annotation.units.every import UNITS
from alignbench.annotation.units.unit import image_failure
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.asking.dealing import deal_round, dealt_notes
from alignbench.flows.asking.label_studio import (
    annotation_server,
    assigned_settings,
    labelling_links,
    project_settings,
)
from alignbench.flows.asking.question_units import QUESTION_UNITS
from alignbench.flows.asking.rated_units import rater_notes
from alignbench.flows.asking.round_inputs import ASSIGNEE, RoundInputs
from alignbench.flows.asking.suggestions import Suggester, suggester
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.sentences import current_selection
from alignbench.schemas.configuration.annotation_section import (
    AnnotationConfig,
    RoundName,
    VotesConfig,
)
from alignbench.schemas.errors import UsageError
from alignbench.schemas.fence import Fence
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import TASKS, TableSpec
from alignbench.schemas.vocabulary import AnnotationUnit, RoundForm, StageName, Stratum

_DOUBLES = "tasks were there twice, unanswered, and were closed"


@stage_flow("push")
def push(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    round_name: RoundName | None = None,
    models: tuple[str, ...] = (),
    sample: int | None = None,
    stratify: tuple[Stratum, ...] = (),
    suggest: str | None = None,
    other_server: bool = False,
    again: bool = False,
    joining: tuple[str, ...] = (),
) -> StageReport:
    """Sends what a round asks about to Label Studio: sentences, answers, questions in other words.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most sentences to send in this run.
        retry: Send only those that failed before.
        round_name: The round; the configuration's if not given.
        models: Only sentences of these models.
        sample: How many sentences the round is to have; drawn once, and added to if it is more.
        stratify: What the sample represents as the whole does.
        suggest: The detector whose word scores the round shows as suggestions.
        other_server: Send all of it to this server, though the workspace's tasks are on another.
        again: Put a sentence to people who answered it in another round too.
        joining: Annotators who take a share of what others have not begun.
    """
    run = open_run(workspace)
    server = annotation_server(run)
    if not other_server:
        fix = "To send the sentences to this one too, push with --other-server."
        tasks = run.workspace.table(TASKS).read(["server"])
        check_server(run.workspace, tasks, server.identity, server.url, fix)
    round_name = round_name or run.config.annotation.round

    def make_stage(fence: Fence) -> PushStage:
        suggests = suggester(run.workspace, round_name, suggest, run.run_id)
        unit = round_form(run.workspace, round_name, run.config.annotation).unit
        if unit.is_of_questions and (models or sample or stratify or suggest):
            raise UsageError(
                f"Round {round_name} {QUESTION_UNITS[unit].what}.",
                "Leave out --model, --sample, --stratify and --suggest, or name another round.",
            )
        notes = draw_round(run, round_name, Draw(models, sample, stratify, unit))
        form = begin_round(run.workspace, round_name, run.config.annotation, run.run_id)
        if form.form is RoundForm.QUEUES:
            dealt = deal_round(run, server, form, fence, joining=joining, again=again)
            notes |= dealt_notes(dealt, form.unit)
        reworded = _reworded(run, form)
        stage = PushStage(run, server, form, suggests, fence)
        is_rated = unit is AnnotationUnit.RESPONSE
        raters = rater_notes(len(stage.assignees())) if is_rated else []
        kept = _kept(form, run.config.annotation)
        stage.notes = [
            *counted(notes | stage.settle()),
            *kept,
            *raters,
            *reworded,
            *unsent_notes(run, round_name),
        ]
        return stage

    return run_stage(StageName.PUSH, make_stage, run.context, Limits(limit, retry))


def draw_round(run: Run, round_name: str, draw: Draw) -> dict[str, int]:
    """Draws the sentences that a round lacks; returns how many, in words."""
    settings = run.config.annotation
    if settings.gold is not None:
        read_gold(run.workspace, run.folder / settings.gold, run.run_id)
    if draw.unit.is_of_questions:
        of_questions = QUESTION_UNITS[draw.unit]
        return {of_questions.gold: of_questions.draw_gold(run, round_name)}
    here = (run.workspace, current_selection(run), round_name)
    gold = draw_gold(*here, settings.gold_share, run.run_id, draw)
    drawn = 0 if draw.is_everything() else draw_sample(*here, draw, run.run_id)
    return {f"sentences drawn for round {round_name}": drawn, "gold sentences mixed in": gold}


class PushStage(RoundInputs, Stage):
    """Sends the sentences of a round to a server."""

    writes: ClassVar[Sequence[TableSpec[Any]]] = (TASKS,)
    mixes_scopes: ClassVar[bool] = True

    def __init__(
        self,
        run: Run,
        server: LabelStudioServer,
        form: Round,
        suggests: Suggester | None,
        fence: Fence,
    ) -> None:
        """Makes a pusher for each assignee.

        Args:
            run: Whose sentences.
            server: Where they go.
            form: The round, which must have been drawn and dealt out.
            suggests: Who suggests answers in it, if anyone does.
            fence: Asked before anything is sent.
        """
        super().__init__(run, server, form, with_undealt=False)
        self._server = server
        self._suggests = suggests
        self._fence = fence
        self._pushers = {assignee: self._pusher(assignee) for assignee in self.assignees()}

    def settle(self) -> dict[str, int]:
        """Settles what an earlier push left unclear; returns what was found, in words.

        What was taken back is closed before anything is sent, so that two people are asked at the
        same time for as short as can be.
        """
        found = self._reconciled()
        adjusted = self._adjust_overlap()
        kept = keep_queues(self._run.workspace, self._server, fence=self._fence)
        return {
            "tasks had arrived without a confirmation": found.confirmed,
            "tasks had disappeared from the server and are sent again": found.retracted,
            _DOUBLES: found.closed,
            "tasks are offered again for answers that count no more": adjusted.topped_up,
            "tasks of withdrawn images are offered no more": adjusted.closed,
            "tasks were closed on the server": kept.closed,
            "tasks were opened again on the server": kept.opened,
        }

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Sends units; those of one image stay together, whoever wrote them."""
        for table in items:
            yield from without_image(table)
            shown = table.filter(pc.is_valid(table["blob"]))
            for assignee in pc.unique(shown[ASSIGNEE]).to_pylist():
                yield from self._send(assignee, shown.filter(_is(shown[ASSIGNEE], assignee)))

    def closing_notes(self) -> Sequence[str]:
        """Lets all gold be answered by everybody; returns where the round is answered.

        What a gateway has sent twice is closed here, before anybody comes to it.
        """
        found = self._reconciled()
        self._adjust_overlap()  # gold has just been sent as if it were like the others
        projects = {name: pusher.projects() for name, pusher in self._pushers.items()}
        return [*counted({_DOUBLES: found.closed}), *labelling_links(self._server, projects)]

    def _send(self, assignee: str | None, units: pa.Table) -> Iterator[Outcome]:
        suggests = self._suggests
        suggested = None if suggests is None else suggests.on(self._unit.sentences(units))
        progress = None if assignee is None else self._progress[assignee]
        sent = self._pushers[assignee].send(units, suggested, progress)
        for key, task in zip(units["key"].to_pylist(), sent, strict=True):
            yield Made(key, [task])

    @cached_property
    def _progress(self) -> Mapping[str, QueueProgress]:
        """How far along everybody is; asked for once what an earlier push left is settled."""
        return self.progress()

    def _reconciled(self) -> Reconciliation:
        return sum((pusher.reconcile() for pusher in self._pushers.values()), Reconciliation())

    def _adjust_overlap(self) -> AdjustedOverlap:
        wanted = self._form.first
        return adjust_overlap(self._run.workspace, self._server, wanted, fence=self._fence)

    def _pusher(self, assignee: str | None) -> Pusher:
        settings = self._run.config.annotation
        options = PushOptions(
            round=self._form.round,
            settings=replace(
                assigned_settings(self._run, self._form, assignee),
                shows_predictions=self._suggests is not None,
            ),
            assignee=assignee,
            unit=UNITS[self._form.unit],
            tasks_per_project=settings.tasks_per_project,
            storage=settings.storage,
        )
        return Pusher(
            self._run.workspace, self._server, options, self._run.run_id, fence=self._fence
        )


def counted(found: Mapping[str, int]) -> list[str]:
    """Returns what there was at least one of, as sentences for a report."""
    return [f"{count:,} {what}" for what, count in found.items() if count]


def _reworded(run: Run, form: Round) -> list[str]:
    """Returns how the guidelines differ from those that the round's projects show, in words."""
    people = (None, *run.config.annotation.languages)  # the first stands for all others
    settings = [project_settings(run, UNITS[form.unit], person).wording for person in people]
    wordings = {wording.guideline_id: wording for wording in settings if wording is not None}
    lines = (wording_changes(run.workspace, form.round, now) for now in wordings.values())
    return [line for of_wording in lines for line in of_wording]


def _kept(form: Round, settings: AnnotationConfig) -> list[str]:
    """Returns what a round does otherwise than the configuration says by now, in words."""
    if form.unit.is_of_questions:
        return []
    wanted = settings.votes or VotesConfig(
        first=settings.annotators_per_sentence, most=settings.annotators_per_sentence
    )
    if (form.first, form.most) == (wanted.first, wanted.most):
        return []
    votes = f"{form.first}" if form.first == form.most else f"{form.first} to {form.most}"
    return [
        f"round {form.round} keeps the {votes} answers a sentence that it was begun with; another "
        "round begins with what the configuration says now"
    ]


def unsent_notes(run: Run, round_name: str) -> list[str]:
    """Returns which other rounds were drawn of questions, and never sent, in words."""
    sent = set(run.workspace.table(TASKS).read(["round"])["round"].to_pylist())
    return [
        f"round {name} was drawn and is not sent by this: run 'alignbench push --round {name}'"
        for name in question_rounds(run.workspace)
        if name not in sent | {round_name}
    ]


def _is(column: pa.ChunkedArray, value: str | None) -> pa.ChunkedArray:
    return pc.is_null(column) if value is None else pc.equal(column, value)


def without_image(items: pa.Table) -> Iterator[Failed]:
    """Yields the failures of those sentences whose image is not in table `images`."""
    hidden = items.filter(pc.is_null(items["blob"]))
    for key, image in zip(*(hidden[c].to_pylist() for c in ("key", "image_id")), strict=True):
        yield Failed(key, image_failure(image))
