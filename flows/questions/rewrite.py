"""rewrite: each configured rewriter puts each question in other words, in each of its styles.

What comes in: the first question of each cluster. What is done: a model writes it anew; what is in
another language, gives the answer away or hardly differs is refused, and of what is left a second
model is asked whether it means the same. What goes out: rows of `variants`, refused ones with the
reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Final

import pyarrow as pa

from alignbench.engine.items import rows_of, scope_of
from alignbench.engine.matching import answered
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.runs.errors import NoJudgeError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.chat_models import chat_stream
from alignbench.flows.selected.rewriters import SelectedRewriter, register_rewriters
from alignbench.judging.asked import asked_questions, seeds_of
from alignbench.judging.rewriting.prompts import checking_turns, means_the_same, rewriting_turns
from alignbench.judging.rewriting.refusal import refusal_of
from alignbench.models.answers.reading import read_answer
from alignbench.schemas import ids
from alignbench.schemas.chat import ChatAnswer, ChatRequest
from alignbench.schemas.columns import Int, Str, to_batch
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.questions import Variant
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import QUESTIONS, VARIANTS, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import FailureKind, StageName, VariantStatus

_ROWS: Final = 2_048


@stage_flow("rewrite")
def rewrite(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Has the configured rewriters put the workspace's questions in other words.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most questions to be written in this run.
        retry: Take only those that failed before; refused ones stay refused.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.

    Raises:
        NoJudgeError: No rewriter is configured.
    """
    run = open_run(workspace)
    if not run.config.rewriters:
        raise NoJudgeError(
            "There is no rewriter in alignbench.toml.",
            "Add a [[rewriters]] entry with its model, styles and checked_by.",
        )

    def make_stage(_: Fence) -> RewriteStage:
        return RewriteStage(run, register_rewriters(run))

    return run_stage(
        StageName.REWRITE, make_stage, run.context, Limits(limit, retry, Budget(budget, max_tokens))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteItem:
    """One question to be put in other words; `key` is the variant's id, `scope` the generator's."""

    key: Str
    scope: Str
    question_id: Str
    style: Str
    sample_index: Int


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a model wrote; refused where its text alone says that it will not do."""

    item: RewriteItem
    text: str
    refused: ItemFailure | None


class RewriteStage(Stage):
    """Items are (rewriter, question, style, sample); the key is the variant's id."""

    name: ClassVar[StageName] = StageName.REWRITE
    writes: ClassVar[Sequence[TableSpec[Any]]] = (VARIANTS,)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run, rewriters: Sequence[SelectedRewriter]) -> None:
        self._workspace = run.workspace
        self._rewriters = {one.writer.row.generator_id: one for one in rewriters}
        variants = list(run.workspace.table(VARIANTS).rows())
        asked = asked_questions(run.workspace.table(QUESTIONS).rows(), variants)
        self._seeds = seeds_of(asked.values())
        self._in_cluster: dict[tuple[str, str], list[str]] = {}
        for one in asked.values():
            self._in_cluster.setdefault(one.cluster, []).append(one.prompt)
        self._refused = 0

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - items are small
        """Yields the first question of each cluster for each rewriter and style."""
        for scope, rewriter in self._rewriters.items():
            config = rewriter.config
            items = [
                RewriteItem(
                    key=ids.variant_id(question_id, scope, style, sample),
                    scope=scope,
                    question_id=question_id,
                    style=style,
                    sample_index=sample,
                )
                for style in config.styles
                for sample in range(config.samples)
                for question_id in self._seeds
            ]
            for start in range(0, len(items), _ROWS):
                batch = to_batch(RewriteItem, items[start : start + _ROWS])
                yield pa.Table.from_batches([batch])

    def done(self) -> pa.Table:
        """Returns the variants that have a row, refused ones too."""
        found = self._workspace.table(VARIANTS).read(["variant_id", "generator_id"])
        return found.rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Has one rewriter write questions, and its checker compare them while it goes on."""
        scope, items = scope_of(items)
        rewriter = self._rewriters[scope]
        asked = ((item, self.request(item)) for item in rows_of(RewriteItem, items))
        written = answered(asked, chat_stream(rewriter.writer), rewriter.writer.row.backend)
        # The first one here: the checker takes the rest from a thread that knows no fence.
        written = chain([next(written)], written)
        drafts = (self._checked(item, answer) for item, answer in written)
        checks = answered(drafts, chat_stream(rewriter.checker), rewriter.checker.row.backend)
        for draft, answer in checks:
            yield self._outcome(draft, answer)

    def closing_notes(self) -> Sequence[str]:
        """Tells how many were refused."""
        return (f"{self._refused:,} refused; table variants says why",) if self._refused else ()

    def request(self, item: RewriteItem) -> ChatRequest:
        """Returns what a rewriter is asked."""
        turns = rewriting_turns(self._seeds[item.question_id], item.style)
        return ChatRequest(turns, None, ids.item_seed(item.key))

    def _checked(
        self, item: RewriteItem, answer: ChatAnswer | ItemFailure
    ) -> tuple[_Draft, ChatRequest | ItemFailure]:
        """Returns a draft with what the second model is asked, or why it is not asked."""
        said = answer if isinstance(answer, ItemFailure) else read_answer(answer.raw)
        if isinstance(said, ItemFailure):
            return _Draft(item, "", None), said
        text = clean_text(said.text).text.strip()
        if not text:
            empty = ItemCode.ANSWER_EMPTY.failure("No text.", FailureKind.EMPTY)
            return _Draft(item, "", None), empty
        seed = self._seeds[item.question_id]
        others = self._in_cluster[seed.cluster]
        refused = refusal_of(text, seed.prompt, seed.question.reference, others)
        if refused is not None:
            return _Draft(item, text, refused), refused
        others.append(text)
        seed_of_check = ids.item_seed(f"check:{item.key}")
        request = ChatRequest(checking_turns(seed.prompt, text), None, seed_of_check)
        return _Draft(item, text, None), request

    def _outcome(self, draft: _Draft, answer: ChatAnswer | ItemFailure) -> Outcome:
        key, refused = draft.item.key, draft.refused
        if refused is None:
            same = answer if isinstance(answer, ItemFailure) else means_the_same(answer.raw)
            if isinstance(same, ItemFailure):
                return Failed(key, same)
            if not same:
                refused = ItemCode.VARIANT_OTHER_MEANING.failure(
                    f"{draft.text!r} does not mean the same, the second model says."
                )
        self._refused += refused is not None
        row = Variant(
            variant_id=key,
            question_id=draft.item.question_id,
            generator_id=draft.item.scope,
            style=draft.item.style,
            sample_index=draft.item.sample_index,
            prompt=draft.text,
            status=VariantStatus.ACCEPTED if refused is None else VariantStatus.REFUSED,
            code=None if refused is None else refused.code,
            message=None if refused is None else refused.message,
        )
        return Made(key, [row])
