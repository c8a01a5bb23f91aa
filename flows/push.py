"""push: sentences go to the annotators.

What comes in: the sentences of a round, those of one image one after another; a sample if one was
drawn, gold among them. What is done: each becomes a task in Label Studio; its intent is written
before it is sent, so that a kill at any moment makes no task twice. What goes out: confirmed rows
of `tasks`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import check_server
from alignbench.annotation.pushing.isolation import Assignments, assignments
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.overlap import adjust_overlap
from alignbench.annotation.pushing.push import Pusher, PushOptions, Reconciliation
from alignbench.annotation.pushing.tasks import PURPOSE, image_failure
from alignbench.annotation.rounds.gold import read_gold
from alignbench.annotation.rounds.members import (
    Draw,
    RoundMembers,
    draw_gold,
    draw_sample,
    round_members,
)
from alignbench.flows.commit import Failed, Made, Outcome
from alignbench.flows.label_studio import annotation_server, assigned_settings, labelling_links
from alignbench.flows.orchestration import stage_flow
from alignbench.flows.report import StageReport
from alignbench.flows.run import Run, open_run
from alignbench.flows.selection import current_selection
from alignbench.flows.stage import Limits, run_stage
from alignbench.flows.suggestions import Suggester, suggester
from alignbench.schemas.tables import SENTENCES, TASKS, TableSpec
from alignbench.schemas.vocabulary import Isolation, Purpose, StageName, Stratum, TaskState

ASSIGNEE = "assignee"


@stage_flow("push")
def push(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    round_name: str | None = None,
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
    stage = PushStage(run, server, round_name, Draw(models, sample, stratify), suggest)
    report = run_stage(stage, run, Limits(limit, retry), first=stage.settle, last=stage.links)
    # Gold has just been sent as if it were like the others.
    adjust_overlap(run.workspace, server, run.config.annotation.annotators_per_sentence)
    return report


class PushStage:
    """Items are sentences; the key is the sentence's id, with the round and any assignee."""

    name: ClassVar[StageName] = StageName.PUSH
    writes: ClassVar[Sequence[TableSpec[Any]]] = (TASKS,)
    mixes_scopes: ClassVar[bool] = True

    def __init__(
        self,
        run: Run,
        server: LabelStudioServer | None,
        round_name: str | None = None,
        draw: Draw = Draw(),  # noqa: B008 - an immutable value
        suggest: str | None = None,
    ) -> None:
        """Names the server; None counts what any server was sent, and sends nothing."""
        self._run = run
        self._server = server
        self._round = round_name or run.config.annotation.round
        self._draw = draw
        self._suggest = suggest
        self._suggester: Suggester | None = None
        self._selection = current_selection(run)
        self._members: RoundMembers | None = None
        self._assignments: Assignments | None = None
        self._pushers: dict[str | None, Pusher] = {}

    def settle(self) -> list[str]:
        """Draws the round, and settles what an earlier push left unclear; the lock must be held."""
        run = self._run
        self._suggester = suggester(run.workspace, self._round, self._suggest, run.run_id)
        notes = self._drawn()
        assert self._server is not None, "a stage that only counts sends nothing"  # noqa: S101
        found = Reconciliation()
        for assignee in self._assignees():
            found += self._pusher(assignee).reconcile()
        settings = self._run.config.annotation
        adjusted = adjust_overlap(
            self._run.workspace, self._server, settings.annotators_per_sentence
        )
        notes |= {
            "tasks had arrived without a confirmation": found.confirmed,
            "tasks had disappeared from the server and are sent again": found.retracted,
            "tasks were there twice, unanswered, and were removed": found.removed,
            "tasks are offered again for answers that count no more": adjusted.topped_up,
            "tasks of withdrawn images are offered no more": adjusted.closed,
        }
        return [f"{count:,} {what}" for what, count in notes.items() if count]

    def links(self) -> list[str]:
        """Returns where the round's projects are answered."""
        assert self._server is not None, "a stage that only counts sends nothing"  # noqa: S101
        projects = {n for pusher in self._pushers.values() for n in pusher.projects()}
        return labelling_links(self._server, sorted(projects))

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the round's sentences in the order in which annotators get them."""
        members = self._round_members()
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
        if self._server is not None:
            sent &= pc.field("server") == self._server.identity
        columns = ["sentence_id", "server", "round", "state", ASSIGNEE]
        tasks = self._run.workspace.table(TASKS).read(columns, sent)
        tasks = tasks.group_by(["sentence_id", ASSIGNEE]).aggregate([])
        sentences = self._run.workspace.table(SENTENCES).read(["sentence_id", "generator_id"])
        known = tasks.join(sentences, "sentence_id")
        keys = self._keys(known["sentence_id"], known[ASSIGNEE])
        return pa.table({"key": keys, "scope": known["generator_id"]})

    def work(self, items: pa.Table) -> Iterator[Outcome]:
        """Sends sentences; those of one image stay together, whoever wrote them."""
        yield from without_image(items)
        shown = items.filter(pc.is_valid(items["blob"]))
        for assignee in pc.unique(shown[ASSIGNEE]).to_pylist():
            same = (
                pc.is_null(shown[ASSIGNEE])
                if assignee is None
                else pc.equal(shown[ASSIGNEE], assignee)
            )
            own = shown.filter(same)
            suggested = None if self._suggester is None else self._suggester.on(own)
            sent = self._pusher(assignee).send(own, suggested)
            for key, task in zip(own["key"].to_pylist(), sent, strict=True):
                yield Made(key, [task])

    def _drawn(self) -> dict[str, int]:
        """Draws what the round lacks; returns what there is to say of it."""
        run, settings = self._run, self._run.config.annotation
        here = (run.workspace, self._selection, self._round)
        if settings.gold is not None:
            read_gold(run.workspace, run.folder / settings.gold, run.run_id)
        gold = draw_gold(*here, settings.gold_share, run.run_id)
        drawn = 0
        if not self._draw.is_everything():
            drawn = draw_sample(*here, self._draw, run.run_id)
            gold += draw_gold(*here, settings.gold_share, run.run_id)
        self._members = None
        return {f"sentences drawn for round {self._round}": drawn, "gold sentences mixed in": gold}

    def _round_members(self) -> RoundMembers:
        if self._members is None:
            self._members = round_members(self._run.workspace, self._round)
        return self._members

    def _assigned(self) -> Assignments | None:
        """Returns who gets which image, where each annotator has a project of their own."""
        settings = self._run.config.annotation
        if settings.isolation is not Isolation.PROJECT:
            return None
        if self._assignments is None:
            self._assignments = assignments(
                self._run.workspace, self._server, self._round, settings.annotators_per_sentence
            )
        return self._assignments

    def _assignees(self) -> Sequence[str | None]:
        assigned = self._assigned()
        return (None,) if assigned is None else assigned.annotators

    def _dealt(self, sentences: pa.Table) -> Iterator[pa.Table]:
        """Yields the sentences with key, scope and assignee: once, or once for each assignee."""
        assigned = self._assigned()
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

    def _pusher(self, assignee: str | None) -> Pusher:
        if assignee not in self._pushers:
            assert self._server is not None, "a stage that only counts sends nothing"  # noqa: S101
            settings = self._run.config.annotation
            options = PushOptions(
                round=self._round,
                settings=replace(
                    assigned_settings(self._run, assignee),
                    shows_predictions=self._suggester is not None,
                ),
                assignee=assignee,
                tasks_per_project=settings.tasks_per_project,
                storage=settings.storage,
            )
            self._pushers[assignee] = Pusher(
                self._run.workspace, self._server, options, self._run.run_id
            )
        return self._pushers[assignee]


def without_image(items: pa.Table) -> Iterator[Failed]:
    """Yields the failures of those sentences whose image is not in table `images`."""
    hidden = items.filter(pc.is_null(items["blob"]))
    for key, image in zip(*(hidden[c].to_pylist() for c in ("key", "image_id")), strict=True):
        yield Failed(key, image_failure(image))
