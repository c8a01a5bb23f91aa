"""What answers and judgements would ask of each model, and cost: estimates, never bills."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import pyarrow.compute as pc

from alignbench.engine.items import rows_of
from alignbench.engine.pending import Plan
from alignbench.flows.estimates.generation import (
    CHARACTERS_PER_TOKEN,
    Asked,
    Estimate,
    Measured,
    answer_tokens,
    estimate,
    measured_calls,
    measured_stage,
    prices_of,
)
from alignbench.flows.questions.judge import JudgeItem, JudgeStage
from alignbench.flows.questions.respond import RespondStage, respond_scope
from alignbench.flows.questions.rewrite import RewriteItem, RewriteStage
from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.chat_models import planned_responders
from alignbench.flows.selected.generators import SelectedGenerator
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.prices import catalog_entry
from alignbench.flows.selected.questions import selected_questions
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.schemas.chat import ChatRequest
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES
from alignbench.schemas.vocabulary import StageName

_WIDE: Final = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
"""Characters of which each is a token or nearly one: Chinese, Japanese, Korean."""
_WORD_TOKENS: Final = 4.0
_LOOKED_AT: Final = 200
"""So many conversations are measured for the mean length of all."""


def response_estimates(address: str, limit: int | None, *, blind: bool) -> list[Estimate]:
    """Returns what a run of `respond` would ask of each model that has work to do."""
    run = open_run(address)
    models = planned_responders(run)
    stage = RespondStage(run, models, (blind,))
    left = _Left(Plan(stage, run.workspace), limit)
    asked = [one.turns for one in selected_questions(run).values()][:_LOOKED_AT]
    text = _mean([text_tokens(turn.text for turn in turns) for turns in asked])
    found = []
    for model in models:
        scope = respond_scope(model.row.generator_id, blind=blind)
        catalog = catalog_entry(model.config)
        image = 0 if blind else (catalog.image_tokens if catalog is not None else None)
        sent = None if image is None else image + text
        measured = measured_calls(
            run.workspace,
            RESPONSES,
            (pc.field("generator_id") == model.row.generator_id) & (pc.field("blind") == blind),
            ["generator_id", "blind"],
            model,
        )
        found += left.estimate(scope, model, (sent, answer_tokens(model)), measured)
    return found


def rewriting_estimates(address: str, limit: int | None) -> list[Estimate]:
    """Returns what a run of `rewrite` would ask of each rewriter, and of who checks it at most."""
    run = open_run(address)
    rewriters = planned_rewriters(run)
    stage = RewriteStage(run, rewriters)
    left = _Left(Plan(stage, run.workspace), limit)
    measured = measured_stage(run.workspace, StageName.REWRITE)
    found = []
    for rewriter in rewriters:
        writer, checker = rewriter
        items = rows_of(RewriteItem, stage.inputs(keys_only=False))
        ours = (item for item in items if item.scope == writer.row.generator_id)
        sent = _mean([_length(stage.request(item)) for item in islice(ours, _LOOKED_AT)])
        tokens = sent, answer_tokens(writer)
        for one in left.estimate(writer.row.generator_id, writer, tokens, measured):
            # A check holds two questions and less advice; its answer is a word.
            word = (sent, _WORD_TOKENS)
            name = f"{one.model}, checked by {rewriter.config.checked_by}"
            asked = Asked(one.pending, one.requests)
            found += [one, estimate(name, prices_of(checker), asked, word, measured)]
    return found


def judgement_estimates(address: str, limit: int | None) -> list[Estimate]:
    """Returns what a run of `judge` would ask of each judge that has work to do."""
    run = open_run(address)
    judges = planned_judges(run)
    stage = JudgeStage(run, judges)
    left = _Left(Plan(stage, run.workspace), limit)
    found = []
    for judge in judges:
        judge_id = judge.row.judge_id
        ours = pc.field("judge_id") == judge_id
        measured = measured_calls(run.workspace, JUDGEMENTS, ours, ["judge_id"], judge.model)
        expected = (_judge_tokens(judge_id, stage), answer_tokens(judge.model))
        found += left.estimate(judge_id, judge.model, expected, measured)
    return found


def text_tokens(texts: Iterable[str]) -> float:
    """Returns about how many tokens texts have: a quarter of their letters, or one a character."""
    wide = plain = 0
    for text in texts:
        count = len(_WIDE.findall(text))
        wide += count
        plain += len(text) - count
    return wide + plain / CHARACTERS_PER_TOKEN


class _Left:
    """What is pending of a stage, and how much of a run's limit is left."""

    def __init__(self, plan: Plan, limit: int | None) -> None:
        self._pending = {counts.scope: counts.pending for counts in plan.counts()}
        self._limit = limit

    def estimate(
        self,
        scope: str,
        model: SelectedGenerator,
        expected: tuple[float | None, float | None],
        measured: Measured,
    ) -> list[Estimate]:
        """Returns the estimate of a scope; nothing where it has nothing to do."""
        pending = self._pending.pop(scope, 0)
        requests = pending if self._limit is None else min(pending, self._limit)
        self._limit = None if self._limit is None else self._limit - requests
        if not pending:
            return []
        name, price = model.config.name, prices_of(model)
        return [estimate(name, price, Asked(pending, requests), expected, measured)]


def _judge_tokens(judge_id: str, stage: JudgeStage) -> float:
    items = rows_of(JudgeItem, stage.inputs(keys_only=False))
    ours = (item for item in items if item.scope == judge_id)
    return _mean([_length(stage.request(item)) for item in islice(ours, _LOOKED_AT)])


def _length(request: ChatRequest) -> float:
    return text_tokens(turn.text for turn in request.turns)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
