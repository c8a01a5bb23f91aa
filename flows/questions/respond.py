"""respond: each configured captioner answers each question about its image.

What comes in: questions, with their earlier turns and their images. What is done: the model is
asked in a chat, the image shown with the first turn; or it is asked blind, without the image, to
tell how much of an answer needs no image. What goes out: rows of `responses`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.engine.items import rows_of, scope_of
from alignbench.engine.matching import answered
from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Failed, Limits, Made, Outcome, Stage
from alignbench.flows.runs.errors import NoJudgeError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.selected.answerers import imported_models
from alignbench.flows.selected.chat_models import (
    chat_stream,
    planned_responders,
    register_responders,
)
from alignbench.flows.selected.generators import SelectedGenerator, worker_gpus
from alignbench.flows.selected.model_checks import unchecked_models
from alignbench.flows.selected.questions import refused_notes, selected_questions
from alignbench.models.answers.reading import read_answer
from alignbench.schemas import ids
from alignbench.schemas.chat import ChatAnswer, ChatRequest
from alignbench.schemas.columns import Bool, Int, Str, to_batch
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import CaptionInput, ItemFailure
from alignbench.schemas.rows.questions import Response
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import IMAGES, RESPONSES, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import FailureKind, StageName
from alignbench.workspace.errors import ObjectNotFoundError

_BLIND: Final = ":blind"
_ROWS: Final = 2_048


@stage_flow("respond")
def respond(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    blind: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Has the configured captioners answer the workspace's questions.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most answers to be given in this run.
        retry: Take only those that failed before, blind ones or not.
        blind: Whether no image is shown.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.

    Raises:
        NoJudgeError: No captioner is configured that could answer.
    """
    run = open_run(workspace)
    if not planned_responders(run):
        raise NoJudgeError(
            "There is no captioner in alignbench.toml that could answer questions.",
            "Add a [[captioners]] entry whose backend holds a conversation, such as 'openai' or "
            "'transformers'; answers given elsewhere come in by 'alignbench questions answers'.",
        )

    def make_stage(_: Fence) -> RespondStage:
        responders = register_responders(run)
        stage = RespondStage(run, responders, (False, True) if retry else (blind,))
        stage.notes = unchecked_models(run.workspace.store, [each.row for each in responders])
        return stage

    return run_stage(
        StageName.RESPOND, make_stage, run.context, Limits(limit, retry, Budget(budget, max_tokens))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondItem:
    """One answer to be given.

    Attributes:
        key: The response's id.
        scope: The generator's id, and whether it is blind.
        asked_id: What is asked.
        blind: Whether no image is shown.
        sample_index: Which of several answers, from 0.
    """

    key: Str
    scope: Str
    asked_id: Str
    blind: Bool
    sample_index: Int


class RespondStage(Stage):
    """Items are (captioner, blind or not, question, sample); the key is the response's id."""

    name: ClassVar[StageName] = StageName.RESPOND
    writes: ClassVar[Sequence[TableSpec[Any]]] = (RESPONSES,)
    mixes_scopes: ClassVar[bool] = False
    is_shareable = True

    def __init__(
        self, run: Run, responders: Sequence[SelectedGenerator], blind: Sequence[bool]
    ) -> None:
        """Reads what is asked.

        Args:
            run: The run.
            responders: Who answers.
            blind: Whether blind, seeing, or both.
        """
        self._workspace = run.workspace
        self._responders = {selected.row.generator_id: selected for selected in responders}
        self._blind = tuple(blind)
        self._asked = selected_questions(run)
        self._refused = refused_notes(run)
        self._imported = [row.generator_id for row in imported_models(run)]
        self._blobs = _blobs(run)

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:  # noqa: ARG002 - items are small
        """Yields every question for every captioner; seeing, those whose image is here."""
        for generator_id, selected in self._responders.items():
            for blind in self._blind:
                for sample in range(selected.config.samples):
                    yield from _tables(self._items(generator_id, blind=blind, sample=sample))

    def gpus(self, scope: str) -> float | None:
        """Returns how many GPUs a model needs."""
        return worker_gpus(self._responder(scope))

    def done(self) -> pa.Table:
        """Returns the answers that have a row, those left out that a model gave elsewhere."""
        here = ~pc.field("generator_id").isin(pa.array(self._imported, pa.string()))
        columns = ["response_id", "generator_id", "blind"]
        found = self._workspace.table(RESPONSES).read(columns, here)
        scopes = [
            respond_scope(generator_id, blind=blind)
            for generator_id, blind in zip(
                found["generator_id"].to_pylist(), found["blind"].to_pylist(), strict=True
            )
        ]
        return pa.table({"key": found["response_id"], "scope": pa.array(scopes, pa.string())})

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Has one captioner answer, as many questions at once as its model takes."""
        scope, items = scope_of(items)
        selected = self._responder(scope)
        asked = ((item, self._request(item)) for item in rows_of(RespondItem, items))
        for item, answer in answered(asked, chat_stream(selected), selected.row.backend):
            yield _outcome(item, answer, selected)

    def input_notes(self) -> Sequence[str]:
        """Tells of the questions that people refuse, and those without an image to be shown."""
        missing = sum(one.question.image_id not in self._blobs for one in self._asked.values())
        if not missing or False not in self._blind:
            return self._refused
        return (
            *self._refused,
            f"{missing:,} of {len(self._asked):,} questions have no image and were not asked: "
            "import them again with --images",
        )

    def _responder(self, scope: str) -> SelectedGenerator:
        return self._responders[scope.removesuffix(_BLIND)]

    def _items(self, generator_id: str, *, blind: bool, sample: int) -> Iterator[RespondItem]:
        scope = respond_scope(generator_id, blind=blind)
        for asked_id, one in self._asked.items():
            if blind or one.question.image_id in self._blobs:
                key = ids.response_id(generator_id, asked_id, blind=blind, sample_index=sample)
                yield RespondItem(
                    key=key, scope=scope, asked_id=asked_id, blind=blind, sample_index=sample
                )

    def _request(self, item: RespondItem) -> ChatRequest | ItemFailure:
        asked = self._asked[item.asked_id]
        image_id = asked.question.image_id
        image = None
        if not item.blind and image_id is not None:
            try:
                image = CaptionInput(image_id, self._workspace.store.read(self._blobs[image_id]))
            except ObjectNotFoundError as error:
                return ItemFailure(error.code, f"{error.what} Restore it from a backup.")
        return ChatRequest(asked.turns, image, ids.item_seed(item.key))


def blind_was_begun(run: Run) -> bool:
    """Tells whether any model has answered without the image."""
    return any(any(batch["blind"].to_pylist()) for batch in
               run.workspace.table(RESPONSES).scan(["blind"]))  # fmt: skip


def scope_names(names: dict[str, str]) -> dict[str, str]:
    """Returns the names of scopes of blind answers, given those of the models."""
    return {f"{scope}{_BLIND}": f"{name}, blind" for scope, name in names.items()}


def respond_scope(generator_id: str, *, blind: bool) -> str:
    """Returns the scope of a model's answers: blind ones have one of their own."""
    return f"{generator_id}{_BLIND}" if blind else generator_id


def _blobs(run: Run) -> dict[str | None, str]:
    found = run.workspace.table(IMAGES).read(["image_id", "blob"])
    return dict(zip(found["image_id"].to_pylist(), found["blob"].to_pylist(), strict=True))


def _tables(items: Iterable[RespondItem]) -> Iterator[pa.Table]:
    rows = list(items)
    for start in range(0, len(rows), _ROWS):
        yield pa.Table.from_batches([to_batch(RespondItem, rows[start : start + _ROWS])])


def _outcome(
    item: RespondItem, answer: ChatAnswer | ItemFailure, selected: SelectedGenerator
) -> Outcome:
    if isinstance(answer, ItemFailure):
        return Failed(item.key, answer)
    said = read_answer(answer.raw, keep_truncated=answer.keep_truncated)
    if isinstance(said, ItemFailure):
        return Failed(item.key, said)
    cleaned = clean_text(said.text)
    if not cleaned.text.strip():
        return Failed(item.key, ItemCode.ANSWER_EMPTY.failure("No text.", FailureKind.EMPTY))
    removed = {"removed_characters": cleaned.removed} if cleaned.removed else {}
    row = Response(
        response_id=item.key,
        asked_id=item.asked_id,
        generator_id=selected.row.generator_id,
        model=selected.row.model,
        blind=item.blind,
        sample_index=item.sample_index,
        text=cleaned.text,
        text_sha256=ids.text_sha256(cleaned.text),
        seed=ids.item_seed(item.key),
        finish_reason=answer.raw.finish_reason,
        engine=ids.canonical_json({**answer.engine, **said.left_out, **removed}),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.raw.completion_tokens,
        seconds=answer.seconds,
    )
    return Made(item.key, [row])
