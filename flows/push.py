"""push: sentences go to the annotators.

What comes in: the sentences of a round, those of one image one after another; a sample if one was
drawn, gold among them. What is done: each becomes a task in Label Studio; its intent is written
before it is sent, so that a kill at any moment makes no task twice. What goes out: confirmed rows
of `tasks`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import check_server
from alignbench.annotation.pushing.isolation import Assignments, assignments
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.overlap import AdjustedOverlap, adjust_overlap
from alignbench.annotation.pushing.push import Pusher, PushOptions, Reconciliation
from alignbench.annotation.pushing.tasks import PURPOSE, image_failure
from alignbench.annotation.rounds.gold import read_gold
from alignbench.annotation.rounds.members import Draw, draw_gold, draw_sample, round_members
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage, StageInputs
from alignbench.flows.label_studio import annotation_server, assigned_settings, labelling_links
from alignbench.flows.run import Run, open_run
from alignbench.flows.selection import current_selection
from alignbench.flows.stage_flow import stage_flow
from alignbench.flows.suggestions import Suggester, suggester
from alignbench.schemas.config import RoundName
from alignbench.schemas.fence import Fence
from alignbench.schemas.tables import SENTENCES, TASKS, TableSpec
from alignbench.schemas.vocabulary import Isolation, Purpose, StageName, Stratum, TaskState

ASSIGNEE = "assignee"


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
) -> StageReport:
    """Sends the sentences of a round to Label Studio.

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
        drawn = draw_round(run, round_name, Draw(models, sample, stratify))
        stage = PushStage(run, server, round_name, suggests, fence)
        stage.notes = counted(drawn | stage.settle())
        return stage

    return run_stage(StageName.PUSH, make_stage, run.context, Limits(limit, retry))


def draw_round(run: Run, round_name: str, draw: Draw) -> dict[str, int]:
    """Draws the sentences that a round lacks; returns how many, in words."""
    settings = run.config.annotation
    here = (run.workspace, current_selection(run), round_name)
    if settings.gold is not None:
        read_gold(run.workspace, run.folder / settings.gold, run.run_id)
    gold = draw_gold(*here, settings.gold_share, run.run_id)
    drawn = 0
    if not draw.is_everything():
        drawn = draw_sample(*here, draw, run.run_id)
        gold += draw_gold(*here, settings.gold_share, run.run_id)
    return {f"sentences drawn for round {round_name}": drawn, "gold sentences mixed in": gold}


class RoundInputs(StageInputs):
    """The sentences of a round; the key is the sentence's id, with the round and any assignee."""

    name: ClassVar[StageName] = StageName.PUSH

    def __init__(self, run: Run, server: LabelStudioServer | None, round_name: str) -> None:
        """Names the server; None counts what any server was sent."""
        self._run = run
        self._server_identity = None if server is None else server.identity
        self._round = round_name
        self._members = round_members(run.workspace, round_name)
        self._selection = current_selection(run)
        self._assignments = _assignments(run, server, round_name)

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the round's sentences in the order in which annotators get them."""
        members = self._members
        where = members.filter(self._selection)
        for sentences in ordered_sentences(self._run.workspace, where, keys_only):
            if not keys_only:
                is_gold = pc.is_in(sentences["sentence_id"], members.gold)
                why = pc.if_else(is_gold, Purpose.GOLD.value, Purpose.LABEL.value)
                sentences = sentences.append_column(PURPOSE, why)
            yield from self._dealt(sentences)

    def done(self) -> pa.Table:
        """Returns the sentences that are confirmed on the server in this round."""
        sent = pc.field("state") == TaskState.CONFIRMED.value
        sent &= pc.field("round") == self._round
        if self._server_identity is not None:
            sent &= pc.field("server") == self._server_identity
        columns = ["sentence_id", "server", "round", "state", ASSIGNEE]
        tasks = self._run.workspace.table(TASKS).read(columns, sent)
        tasks = tasks.group_by(["sentence_id", ASSIGNEE]).aggregate([])
        sentences = self._run.workspace.table(SENTENCES).read(["sentence_id", "generator_id"])
        known = tasks.join(sentences, "sentence_id")
        keys = self._keys(known["sentence_id"], known[ASSIGNEE])
        return pa.table({"key": keys, "scope": known["generator_id"]})

    def _assignees(self) -> Sequence[str | None]:
        return (None,) if self._assignments is None else self._assignments.annotators

    def _dealt(self, sentences: pa.Table) -> Iterator[pa.Table]:
        """Yields the sentences with key, scope and assignee: once, or once for each assignee."""
        assigned = self._assignments
        for assignee in self._assignees():
            own = sentences
            if assigned is not None and assignee is not None:
                own = sentences.filter(assigned.mask(sentences["image_id"], assignee))
            to = pa.chunked_array([pa.array([assignee] * len(own), pa.string())])
            own = own.append_column(ASSIGNEE, to)
            own = own.append_column("key", self._keys(own["sentence_id"], to))
            yield own.append_column("scope", own["generator_id"])

    def _keys(self, sentences: pa.ChunkedArray, assignees: pa.ChunkedArray) -> pa.ChunkedArray:
        """What failed in one round is no failure of the next."""
        common = pc.binary_join_element_wise(sentences, self._round, ":")
        own = pc.binary_join_element_wise(common, assignees, ":")
        return pc.coalesce(own, common)


class PushStage(RoundInputs, Stage):
    """Sends the sentences of a round to a server."""

    writes: ClassVar[Sequence[TableSpec[Any]]] = (TASKS,)
    mixes_scopes: ClassVar[bool] = True

    def __init__(
        self,
        run: Run,
        server: LabelStudioServer,
        round_name: str,
        suggests: Suggester | None,
        fence: Fence,
    ) -> None:
        """Makes a pusher for each assignee.

        Args:
            run: Whose sentences.
            server: Where they go.
            round_name: The round, which must have been drawn.
            suggests: Who suggests answers in it, if anyone does.
            fence: Asked before anything is sent.
        """
        super().__init__(run, server, round_name)
        self._server = server
        self._suggests = suggests
        self._fence = fence
        self._pushers = {assignee: self._pusher(assignee) for assignee in self._assignees()}

    def settle(self) -> dict[str, int]:
        """Settles what an earlier push left unclear; returns what was found, in words."""
        found = sum((pusher.reconcile() for pusher in self._pushers.values()), Reconciliation())
        adjusted = self._adjust_overlap()
        return {
            "tasks had arrived without a confirmation": found.confirmed,
            "tasks had disappeared from the server and are sent again": found.retracted,
            "tasks were there twice, unanswered, and were removed": found.removed,
            "tasks are offered again for answers that count no more": adjusted.topped_up,
            "tasks of withdrawn images are offered no more": adjusted.closed,
        }

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Sends sentences; those of one image stay together, whoever wrote them."""
        for table in items:
            yield from without_image(table)
            shown = table.filter(pc.is_valid(table["blob"]))
            for assignee in pc.unique(shown[ASSIGNEE]).to_pylist():
                yield from self._send(assignee, shown.filter(_is(shown[ASSIGNEE], assignee)))

    def closing_notes(self) -> Sequence[str]:
        """Lets all gold be answered by everybody; returns where the round is answered."""
        self._adjust_overlap()  # gold has just been sent as if it were like the others
        projects = {n for pusher in self._pushers.values() for n in pusher.projects()}
        return labelling_links(self._server, sorted(projects))

    def _send(self, assignee: str | None, sentences: pa.Table) -> Iterator[Outcome]:
        suggested = None if self._suggests is None else self._suggests.on(sentences)
        sent = self._pushers[assignee].send(sentences, suggested)
        for key, task in zip(sentences["key"].to_pylist(), sent, strict=True):
            yield Made(key, [task])

    def _adjust_overlap(self) -> AdjustedOverlap:
        wanted = self._run.config.annotation.annotators_per_sentence
        return adjust_overlap(self._run.workspace, self._server, wanted, fence=self._fence)

    def _pusher(self, assignee: str | None) -> Pusher:
        settings = self._run.config.annotation
        options = PushOptions(
            round=self._round,
            settings=replace(
                assigned_settings(self._run, assignee),
                shows_predictions=self._suggests is not None,
            ),
            assignee=assignee,
            tasks_per_project=settings.tasks_per_project,
            storage=settings.storage,
        )
        return Pusher(
            self._run.workspace, self._server, options, self._run.run_id, fence=self._fence
        )


def counted(found: Mapping[str, int]) -> list[str]:
    """Returns what there was at least one of, as sentences for a report."""
    return [f"{count:,} {what}" for what, count in found.items() if count]


def _assignments(run: Run, server: LabelStudioServer | None, round_name: str) -> Assignments | None:
    """Returns who gets which image, where each annotator has a project of their own."""
    settings = run.config.annotation
    if settings.isolation is not Isolation.PROJECT:
        return None
    return assignments(run.workspace, server, round_name, settings.annotators_per_sentence)


def _is(column: pa.ChunkedArray, value: str | None) -> pa.ChunkedArray:
    return pc.is_null(column) if value is None else pc.equal(column, value)


def without_image(items: pa.Table) -> Iterator[Failed]:
    """Yields the failures of those sentences whose image is not in table `images`."""
    hidden = items.filter(pc.is_null(items["blob"]))
    for key, image in zip(*(hidden[c].to_pylist() for c in ("key", "image_id")), strict=True):
        yield Failed(key, image_failure(image))
