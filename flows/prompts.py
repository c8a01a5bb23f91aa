"""prompts: the texts that images are to be made from come in.

What comes in: the configured prompt sources. What goes out: rows of `prompts`, each text once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa

from alignbench.engine.items import rows_of
from alignbench.engine.pending import Plan
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.runs.errors import EMPTY_PROMPT
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.sources import Sources
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.schemas import ids
from alignbench.schemas.columns import Str, to_batch
from alignbench.schemas.fence import Fence
from alignbench.schemas.protocols import ItemFailure, PromptItem, PromptSource, PromptWriter
from alignbench.schemas.registry import Group
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.spending import Budget, BudgetReachedError
from alignbench.schemas.tables import PROMPTS, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import FailureKind, StageName

_READ_AT_ONCE = 1024


@stage_flow("prompts")
def prompts(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Reads prompts from the configured sources into the workspace.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most prompts to take in this run.
        retry: Take only those that failed before.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.
    """
    run = open_run(workspace)
    limits = Limits(limit, retry, Budget(budget, max_tokens))

    def make_stage(_: Fence) -> PromptsStage:
        stage = PromptsStage(run)
        pending = Plan(stage, run.workspace).pending_count() if limit is not None else 0
        stage.write_missing_prompts(None if limit is None else max(0, limit - pending))
        return stage

    return run_stage(StageName.PROMPTS, make_stage, run.context, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsItem:
    """A prompt as its source gave it, with its text cleaned."""

    key: Str
    scope: Str
    text: Str
    concepts: tuple[Str, ...]


class PromptsStage(Stage):
    """Items are prompts; the key is the prompt's id, its text."""

    name: ClassVar[StageName] = StageName.PROMPTS
    writes: ClassVar[Sequence[TableSpec[Any]]] = (PROMPTS,)
    mixes_scopes: ClassVar[bool] = False

    def __init__(self, run: Run, only: str | None = None, *, may_be_gone: bool = False) -> None:
        """Opens the sources: all, or the one of that name.

        To count, those may be gone whose prompts are here.
        """
        self._workspace = run.workspace
        configs = [config for config in run.config.prompts if only in (None, config.name)]
        self.sources: Sources[PromptSource] = Sources(
            run, Group.PROMPT_SOURCES, configs, may_be_gone=may_be_gone
        )

    def write_missing_prompts(self, most: int | None) -> None:
        """Has prompts written that are missing, all or so many; the stage's lock must be held."""
        left = most
        for writer in self.writers().values():
            with suppress(BudgetReachedError):  # the report says so
                made = writer.complete(left)
                left = None if left is None else left - made

    def writers(self) -> Mapping[str, PromptWriter]:
        """Returns the sources whose prompts a model writes, by their names."""
        return {
            name: source
            for name, source in self.sources.by_name.items()
            if isinstance(source, PromptWriter)
        }

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - a prompt is its key
        """Yields what the sources have; looking at it makes no prompt."""
        for name, source in self.sources.by_name.items():
            yield from self.sources.listed(name, _listed(name, source))

    def done(self) -> pa.Table:
        """Returns the prompts that have a row."""
        known = self._workspace.table(PROMPTS).read(["prompt_id", "origin"])
        return known.rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Turns prompts into rows."""
        for item in rows_of(PromptsItem, items):
            if not item.text:
                nothing = ItemFailure(EMPTY_PROMPT, "No text.", FailureKind.EMPTY)
                yield Failed(item.key, nothing)
                continue
            prompt = Prompt(
                prompt_id=item.key, text=item.text, origin=item.scope, concepts=item.concepts
            )
            yield Made(item.key, [prompt])


def _listed(name: str, source: PromptSource) -> Iterator[pa.Table]:
    entries = iter(source.known_prompts() if isinstance(source, PromptWriter) else source.prompts())
    while listed := list(islice(entries, _READ_AT_ONCE)):
        cleaned = [_item(name, entry) for entry in listed]
        yield pa.Table.from_batches([to_batch(PromptsItem, cleaned)])


def _item(source: str, prompt: PromptItem) -> PromptsItem:
    text = clean_text(prompt.text).text.strip()
    return PromptsItem(
        key=ids.prompt_id(text), scope=source, text=text, concepts=tuple(prompt.concepts)
    )
