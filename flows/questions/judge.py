"""judge: each configured judge rates each answer by its rubric, without the image.

What comes in: answers of the selected captioners, with their questions and references. What is
done: the judge is told its rubric and shown question, reference and answer between marked lines
that none of them can close; its reply is read to a number with a reason, or is a failure. What
goes out: rows of `judgements`. An answer may be judged by several judges, and several times by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

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
from alignbench.flows.selected.answerers import answering_models
from alignbench.flows.selected.chat_models import chat_stream
from alignbench.flows.selected.generators import worker_gpus
from alignbench.flows.selected.judges import SelectedJudge, register_judges
from alignbench.flows.selected.model_checks import unchecked_models
from alignbench.flows.selected.questions import selected_questions
from alignbench.judging.critic.prompt import Answered, JudgePrompt, judge_prompt, reply_schema
from alignbench.judging.critic.reply import read_judgement
from alignbench.schemas import ids
from alignbench.schemas.chat import ChatAnswer, ChatRequest, ChatRole, ChatTurn
from alignbench.schemas.columns import Int, Str, to_batch
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import shorten
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.rows.questions import Judgement
from alignbench.schemas.spending import Budget
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES, TableSpec
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import StageName

MAX_REPLY = 20_000
"""Most code points of a reply that is kept: of a longer one, its beginning and its end."""


@stage_flow("judge")
def judge(
    workspace: str = ".",
    limit: int | None = None,
    retry: bool = False,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> StageReport:
    """Has the configured judges rate the answers.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most judgements of this run.
        retry: Take only those that failed before.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.

    Raises:
        NoJudgeError: No judge is configured.
    """
    run = open_run(workspace)
    if not run.config.judges:
        raise NoJudgeError(
            "There is no judge in alignbench.toml.", "Add a [[judges]] entry with its model."
        )

    def make_stage(_: Fence) -> JudgeStage:
        judges = register_judges(run)
        stage = JudgeStage(run, judges)
        models = [each.model.row for each in judges]
        stage.notes = unchecked_models(run.workspace.store, models)
        return stage

    return run_stage(
        StageName.JUDGE, make_stage, run.context, Limits(limit, retry, Budget(budget, max_tokens))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeItem:
    """One judgement to be made.

    Attributes:
        key: The judgement's id.
        scope: The judge's id.
        response_id: The answer.
        asked_id: What it is an answer to.
        text: What it says.
        draw: Which of several draws of the judge, from 0.
    """

    key: Str
    scope: Str
    response_id: Str
    asked_id: Str
    text: Str
    draw: Int


class JudgeStage(Stage):
    """Items are (judge, answer, draw); the key is the judgement's id."""

    name: ClassVar[StageName] = StageName.JUDGE
    writes: ClassVar[Sequence[TableSpec[Any]]] = (JUDGEMENTS,)
    mixes_scopes: ClassVar[bool] = False
    is_shareable = True

    def __init__(self, run: Run, judges: Sequence[SelectedJudge]) -> None:
        self._workspace = run.workspace
        self._judges = {judge.row.judge_id: judge for judge in judges}
        self._asked = selected_questions(run)
        self._responders = [row.generator_id for row in answering_models(run)]

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields every answer of a selected model to a selected question, for every judge."""
        columns = ["response_id", "asked_id", "generator_id"] + ([] if keys_only else ["text"])
        selected = pc.field("generator_id").isin(pa.array(self._responders, pa.string()))
        for judge_id, one in self._judges.items():
            for draw in range(one.config.samples):
                for batch in self._workspace.table(RESPONSES).scan(columns, selected):
                    yield self._items(batch, judge_id, draw)

    def gpus(self, scope: str) -> float | None:
        """Returns how many GPUs a judge needs."""
        return worker_gpus(self._judges[scope].model)

    def done(self) -> pa.Table:
        """Returns the judgements that have a row."""
        found = self._workspace.table(JUDGEMENTS).read(["judgement_id", "judge_id"])
        return found.rename_columns(["key", "scope"])

    def work(self, items: Iterator[pa.Table]) -> Iterator[Outcome]:
        """Has one judge rate answers, as many at once as its model takes."""
        scope, items = scope_of(items)
        one = self._judges[scope]
        asked = ((item, self.request(item)) for item in rows_of(JudgeItem, items))
        for item, answer in answered(asked, chat_stream(one.model), one.model.row.backend):
            yield _outcome(one, item, answer)

    def request(self, item: JudgeItem) -> ChatRequest:
        """Returns what a judge is asked about an answer."""
        judge, asked = self._judges[item.scope], self._asked[item.asked_id]
        question = asked.question
        prompt = judge_prompt(
            judge.rubric,
            judge.task_of(question),
            Answered(question.history, asked.prompt, question.reference, item.text),
        )
        schema = reply_schema(judge.rubric) if judge.config.structured else None
        turns = _turns(prompt, system_turn=judge.config.system_turn)
        return ChatRequest(turns, None, ids.item_seed(item.key), schema)

    def _items(self, responses: pa.Table, judge_id: str, draw: int) -> pa.Table:
        texts = responses["text"] if "text" in responses.column_names else None
        items = [
            JudgeItem(
                key=ids.judgement_id(judge_id, response_id, draw),
                scope=judge_id,
                response_id=response_id,
                asked_id=asked_id,
                text="" if texts is None else texts[place].as_py(),
                draw=draw,
            )
            for place, (response_id, asked_id) in enumerate(
                zip(
                    responses["response_id"].to_pylist(),
                    responses["asked_id"].to_pylist(),
                    strict=True,
                )
            )
            if asked_id in self._asked
        ]
        return pa.Table.from_batches([to_batch(JudgeItem, items)])


def _turns(prompt: JudgePrompt, *, system_turn: bool) -> tuple[ChatTurn, ...]:
    if system_turn:
        return (
            ChatTurn(ChatRole.SYSTEM, prompt.system),
            ChatTurn(ChatRole.USER, prompt.user),
        )
    return (ChatTurn(ChatRole.USER, f"{prompt.system}\n\n{prompt.user}"),)


def _outcome(one: SelectedJudge, item: JudgeItem, answer: ChatAnswer | ItemFailure) -> Outcome:
    if isinstance(answer, ItemFailure):
        return Failed(item.key, answer)
    found = read_judgement(answer.raw, one.rubric.scale)
    if isinstance(found, ItemFailure):
        return Failed(item.key, found)
    row = Judgement(
        judgement_id=item.key,
        response_id=item.response_id,
        judge_id=one.row.judge_id,
        model=one.row.name,
        rubric=one.row.rubric,
        draw=item.draw,
        score=found.score,
        reason=clean_text(found.reason).text or None,
        reply=clean_text(shorten(answer.raw.text, MAX_REPLY)).text,
        engine=ids.canonical_json(answer.engine),
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.raw.completion_tokens,
        seconds=answer.seconds,
    )
    return Made(item.key, [row])
