"""adjudicate: what the votes leave in doubt goes to somebody who decides, and comes back as final.

What comes in: the current labels with a tie, little confidence, or spans or types that nobody
agrees on. What is done: their sentences go to a project of their own that shows the votes, without
names, and begins with the marks of the vote that is nearest to the others. What goes out: rows of
`tasks`, and after `pull` rows of `annotations`, both with the purpose *adjudicate*; `label` takes
such an answer as final.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pushing.disputes import Dispute, disputes, votes_on
from alignbench.annotation.pushing.ledger import pushed_keys
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.progress import QueueProgress
from alignbench.annotation.pushing.push import Pusher, PushOptions
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.annotation.units.sentence import SentenceUnit
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Limits, Made, Outcome, Stage
from alignbench.flows.asking.label_studio import (
    annotation_server,
    labelling_links,
    project_settings,
)
from alignbench.flows.push import counted, without_image
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.sentences import current_selection
from alignbench.schemas.fence import Fence
from alignbench.schemas.tables import SENTENCES, TASKS, TableSpec
from alignbench.schemas.vocabulary import ADJUDICATION_ROUND, Purpose, StageName, WithdrawnKind

TITLE_SUFFIX = ": decisions"


@stage_flow("adjudicate-push")
def adjudicate_push(
    workspace: str = ".", limit: int | None = None, below: float = 0.6
) -> StageReport:
    """Sends the disputed sentences to a project for whoever decides.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most sentences to send in this run.
        below: Labels of less confidence are disputed.
    """
    run = open_run(workspace)
    server = annotation_server(run)

    def make_stage(fence: Fence) -> AdjudicationStage:
        stage = AdjudicationStage(run, server, disputes(run.workspace, below), fence)
        stage.settle()
        return stage

    return run_stage(StageName.PUSH, make_stage, run.context, Limits(limit))


class AdjudicationStage(Stage):
    """Items are disputed sentences. It is a push, so no push may be at work beside it."""

    name: ClassVar[StageName] = StageName.PUSH
    writes: ClassVar[Sequence[TableSpec[Any]]] = (TASKS,)
    mixes_scopes: ClassVar[bool] = True

    def __init__(
        self, run: Run, server: LabelStudioServer, doubts: dict[str, Dispute], fence: Fence
    ) -> None:
        self._run = run
        self._server = server
        self._doubts = doubts
        unit = SentenceUnit(with_votes=True)
        settings = project_settings(run, unit).titled(TITLE_SUFFIX)
        options = PushOptions(
            round=ADJUDICATION_ROUND,
            settings=replace(settings, annotators_per_sentence=1, shows_predictions=True),
            purpose=Purpose.ADJUDICATE,
            unit=unit,
            tasks_per_project=run.config.annotation.tasks_per_project,
            storage=run.config.annotation.storage,
        )
        self._unit = unit
        self._pusher = Pusher(run.workspace, server, options, run.run_id, fence=fence)
        why = {reason: list(doubts.values()).count(reason) for reason in Dispute}
        self.notes = counted({f"disputed: {reason.phrase}": n for reason, n in why.items()})

    def settle(self) -> None:
        """Settles what an earlier run left unclear."""
        self._pusher.reconcile()

    def closing_notes(self) -> Sequence[str]:
        """Returns where they are decided."""
        return labelling_links(self._server, {None: self._pusher.projects()})

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the disputed sentences, those of one image one after another."""
        where = current_selection(self._run).sentences()
        where &= pc.field("sentence_id").isin(pa.array(list(self._doubts), pa.string()))
        withdrawn = withdrawn_ids(self._run.workspace, WithdrawnKind.IMAGE)
        where &= ~pc.field("image_id").isin(withdrawn)
        for sentences in ordered_sentences(self._run.workspace, where, keys_only):
            keyed = sentences.append_column("key", _keys(sentences["sentence_id"]))
            yield keyed.append_column("scope", sentences["generator_id"])

    def done(self) -> pa.Table:
        """Returns the sentences that are confirmed on the server to be decided."""
        sent = pushed_keys(self._run.workspace, self._server.identity, ADJUDICATION_ROUND)
        sentences = self._run.workspace.table(SENTENCES).read(["sentence_id", "generator_id"])
        known = sentences.filter(sent.contains(sentences["sentence_id"]))
        return pa.table({"key": _keys(known["sentence_id"]), "scope": known["generator_id"]})

    @cached_property
    def _progress(self) -> QueueProgress:
        sent = pushed_keys(self._run.workspace, self._server.identity, ADJUDICATION_ROUND)
        ids = pa.chunked_array([pa.array(list(self._doubts), pa.string())])
        new = len(ids) - pc.sum(sent.contains(ids)).as_py()
        return QueueProgress(ADJUDICATION_ROUND, sent=len(sent), total=len(sent) + new)

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Sends sentences with the votes on them."""
        for table in items:
            yield from without_image(table)
            shown = table.filter(pc.is_valid(table["blob"]))
            if len(shown):
                votes = votes_on(self._run.workspace, shown["sentence_id"])
                sent = self._pusher.send(self._unit.gathered(shown), votes, self._progress)
                for key, task in zip(shown["key"].to_pylist(), sent, strict=True):
                    yield Made(key, [task])


def _keys(sentence_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(sentence_ids, ADJUDICATION_ROUND, ":")
