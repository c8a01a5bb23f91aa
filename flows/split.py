"""split: captions and prompts are cut into sentences, the unit of annotation.

What comes in: the selected pairs. What goes out: rows of `sentences`, whose offsets index the
pair's text exactly. A text with no sentence in it, such as a heading alone, is a row of `failures`
of kind `empty`. The splitter is frozen at first use: another would cut the same text differently,
and answers already given would be about sentences that no longer exist.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.sentences.identity import SplitterIdentity, installed_splitter
from alignbench.annotation.sentences.spans import SentenceSpan
from alignbench.annotation.sentences.splitter import SentenceSplitter
from alignbench.engine.items import rows_of
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.runs.errors import NO_SENTENCE, SplitterChangedError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.sentences import current_selection, current_splitter
from alignbench.schemas import ids
from alignbench.schemas.fence import Fence
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.generation import Pair, Sentence, Splitter
from alignbench.schemas.tables import PAIRS, SENTENCES, SPLITTERS, TableSpec
from alignbench.schemas.vocabulary import FailureKind, StageName

_TEXTS_AT_ONCE = 256


@stage_flow("split")
def split(
    workspace: str = ".", limit: int | None = None, retry: bool = False, resplit: bool = False
) -> StageReport:
    """Cuts the selected pairs' texts into sentences.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most texts to cut in this run.
        retry: Take only those that failed before.
        resplit: Go over to the installed splitter if it is not the one used so far.
    """
    run = open_run(workspace)

    def make_stage(_: Fence) -> SplitStage:
        return SplitStage(run, frozen_splitter(run, resplit=resplit))

    return run_stage(StageName.SPLIT, make_stage, run.context, Limits(limit, retry))


def frozen_splitter(run: Run, *, resplit: bool = False) -> Splitter:
    """Returns the workspace's splitter; the installed one becomes it at first use.

    Raises:
        SplitterChangedError: Another is installed than the one used so far.
    """
    used = current_splitter(run)
    installed = installed_row(version=used.version + 1 if used is not None else 1)
    if used is not None and used.splitter_id == installed.splitter_id:
        return used
    if used is not None and not resplit:
        raise SplitterChangedError(
            f"This workspace was split with {_identity(used)}; installed is "
            f"{_identity(installed)}.",
            "Install the one that was used, or run 'alignbench split --resplit', which makes new "
            "sentences; answers to the old ones are kept and no longer selected.",
        )
    run.workspace.table(SPLITTERS).append([installed], run.run_id)
    return installed


def installed_row(version: int = 1) -> Splitter:
    """Returns the row that stands for the installed splitter; nothing is loaded or written."""
    found = installed_splitter()
    return Splitter(
        splitter_id=ids.splitter_id(found.model, found.model_version, found.rules_version),
        model=found.model,
        model_version=found.model_version,
        rules_version=found.rules_version,
        version=version,
    )


class SplitStage(Stage):
    """Items are pairs; the key is the pair's id, with the splitter's."""

    name: ClassVar[StageName] = StageName.SPLIT
    writes: ClassVar[Sequence[TableSpec[Any]]] = (SENTENCES,)
    mixes_scopes: ClassVar[bool] = True
    is_shareable = True

    def __init__(self, run: Run, splitter: Splitter) -> None:
        self._workspace = run.workspace
        self._selection = current_selection(run)
        self._splitter = splitter
        self._loaded: SentenceSplitter | None = None

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the selected pairs."""
        names = ["pair_id", "generator_id"] if keys_only else PAIRS.schema.names
        for pairs in self._workspace.table(PAIRS).scan(names, self._selection.pairs()):
            keyed = pairs.append_column("key", self._keys(pairs["pair_id"]))
            yield keyed.append_column("scope", pairs["generator_id"])

    def done(self) -> pa.Table:
        """Returns the pairs that this splitter has cut."""
        columns = ["pair_id", "generator_id", "splitter_id", "sentence_index"]
        cut = pc.field("splitter_id") == self._splitter.splitter_id
        # All sentences of a text are in one commit, so that its first one stands for them.
        first = cut & (pc.field("sentence_index") == 0)
        pairs = self._workspace.table(SENTENCES).read(columns, first)
        return pa.table({"key": self._keys(pairs["pair_id"]), "scope": pairs["generator_id"]})

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Cuts texts; all sentences of a text are in one commit."""
        if self._loaded is None:
            self._loaded = SentenceSplitter(_identity(self._splitter))
        rows = rows_of(Pair, items)
        while pairs := list(islice(rows, _TEXTS_AT_ONCE)):
            found = self._loaded.split(pair.text for pair in pairs)
            for pair, spans in zip(pairs, found, strict=True):
                yield self._outcome(pair, spans)

    def _outcome(self, pair: Pair, spans: Sequence[SentenceSpan]) -> Outcome:
        splitter_id = self._splitter.splitter_id
        key = f"{pair.pair_id}:{splitter_id}"
        if not spans:
            reason = ItemFailure(NO_SENTENCE, "The text has no sentence.", FailureKind.EMPTY)
            return Failed(key, reason)
        return Made(key, [_row(pair, i, span, splitter_id) for i, span in enumerate(spans)])

    def _keys(self, pair_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Another splitter may find sentences where this one finds none: it has its own keys."""
        return pc.binary_join_element_wise(pair_ids, self._splitter.splitter_id, ":")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": None}


def _row(pair: Pair, index: int, span: SentenceSpan, splitter_id: str) -> Sentence:
    return Sentence(
        sentence_id=ids.sentence_id(
            pair.pair_id, pair.text_sha256, splitter_id, span.start, span.end
        ),
        pair_id=pair.pair_id,
        generator_id=pair.generator_id,
        direction=pair.direction,
        model=pair.model,
        image_id=pair.image_id,
        prompt_id=pair.prompt_id,
        text_sha256=pair.text_sha256,
        sentence_index=index,
        text=pair.text[span.start : span.end],
        start=span.start,
        end=span.end,
        splitter_id=splitter_id,
    )


def _identity(splitter: Splitter) -> SplitterIdentity:
    return SplitterIdentity(splitter.model, splitter.model_version, splitter.rules_version)
