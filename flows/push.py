"""push: sentences go to the annotators.

What comes in: the selected sentences, those of one image one after another. What is done: each
becomes a task in Label Studio; its intent is written before it is sent, so that a kill at any
moment makes no task twice. What goes out: confirmed rows of `tasks`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from annotation.label_studio.server import LabelStudioServer
from annotation.ordering import ordered_sentences
from annotation.push import Pusher, PushOptions
from annotation.tasks import image_failure
from flows.commit import Failed, Made, Outcome
from flows.label_studio import annotation_server, project_settings
from flows.orchestration import stage_flow
from flows.report import StageReport
from flows.run import Run, open_run
from flows.selection import current_selection
from flows.stage import Limits, run_stage
from schemas.tables import SENTENCES, TASKS, TableSpec
from schemas.vocabulary import StageName, TaskState


@stage_flow("push")
def push(workspace: str = ".", limit: int | None = None, retry: bool = False) -> StageReport:
    """Sends the selected sentences to Label Studio.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most sentences to send in this run.
        retry: Send only those that failed before.
    """
    run = open_run(workspace)
    stage = PushStage(run, annotation_server(run))
    return run_stage(stage, run, Limits(limit, retry), first=stage.settle)


class PushStage:
    """Items are sentences; the key is the sentence's id, with the round."""

    name: ClassVar[StageName] = StageName.PUSH
    writes: ClassVar[Sequence[TableSpec[Any]]] = (TASKS,)
    mixes_scopes: ClassVar[bool] = True

    def __init__(self, run: Run, server: LabelStudioServer | None) -> None:
        """Names the server; None counts what any server was sent, and sends nothing."""
        self._run = run
        self._server = server
        self._selection = current_selection(run)
        self._pusher: Pusher | None = None

    def settle(self) -> list[str]:
        """Settles what an earlier push left unclear; the stage's lock must be held."""
        found = self._sender().reconcile()
        notes = {
            "had arrived without a confirmation": found.confirmed,
            "had disappeared from the server and are sent again": found.retracted,
            "were there twice, unanswered, and were removed": found.removed,
        }
        return [f"{count:,} tasks {what}" for what, count in notes.items() if count]

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the selected sentences in the order in which annotators get them."""
        for sentences in ordered_sentences(self._run.workspace, self._selection, keys_only):
            keyed = sentences.append_column("key", self._keys(sentences["sentence_id"]))
            yield keyed.append_column("scope", sentences["generator_id"])

    def done(self) -> pa.Table:
        """Returns the sentences that are confirmed on the server in this round."""
        sent = pc.field("state") == TaskState.CONFIRMED.value
        sent &= pc.field("round") == self._run.config.annotation.round
        if self._server is not None:
            sent &= pc.field("server") == self._server.identity
        columns = ["sentence_id", "server", "round", "state"]
        tasks = self._run.workspace.table(TASKS).read(columns, sent).select(["sentence_id"])
        sentences = self._run.workspace.table(SENTENCES).read(["sentence_id", "generator_id"])
        known = tasks.group_by("sentence_id").aggregate([]).join(sentences, "sentence_id")
        keys = self._keys(known["sentence_id"])
        return pa.table({"key": keys, "scope": known["generator_id"]})

    def work(self, items: pa.Table) -> Iterator[Outcome]:
        """Sends sentences; those of one image stay together, whoever wrote them."""
        shown = items.filter(pc.is_valid(items["blob"]))
        hidden = items.filter(pc.is_null(items["blob"]))
        for key, image in zip(*(hidden[c].to_pylist() for c in ("key", "image_id")), strict=True):
            yield Failed(key, image_failure(image))
        for task in self._sender().send(shown) if len(shown) else ():
            yield Made(f"{task.sentence_id}:{task.round}", [task])

    def _keys(self, sentence_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """What failed in one round is no failure of the next."""
        return pc.binary_join_element_wise(sentence_ids, self._run.config.annotation.round, ":")

    def _sender(self) -> Pusher:
        if self._pusher is None:
            assert self._server is not None, "a stage that only counts sends nothing"  # noqa: S101
            settings = self._run.config.annotation
            options = PushOptions(
                round=settings.round,
                settings=project_settings(self._run),
                tasks_per_project=settings.tasks_per_project,
                storage=settings.storage,
            )
            self._pusher = Pusher(self._run.workspace, self._server, options, self._run.run_id)
        return self._pusher
