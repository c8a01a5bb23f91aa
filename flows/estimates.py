"""What generation would ask of each model, and what that would cost: estimates, never bills."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from alignbench.engine.pending import Plan
from alignbench.flows.caption import CaptionStage
from alignbench.flows.generators import SelectedGenerator, planned_generators, reads_pixels
from alignbench.flows.imagine import ImagineStage
from alignbench.flows.run import Run, open_run
from alignbench.schemas.catalog import CatalogModel, catalog
from alignbench.schemas.tables import PAIRS, TableSpec
from alignbench.schemas.vocabulary import Direction, StageName
from alignbench.workspace.workspace import Workspace

CHARACTERS_PER_TOKEN = 4
"""Of English text; good to about a fifth for the tokenizers in use."""

ANSWER_TOKENS = 200
"""A caption of several sentences, where the catalog says nothing of the model."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_new_tokens")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one model would be asked in one run.

    Attributes:
        model: Its name in the configuration.
        pending: What it has to do.
        requests: What it would be asked in this run.
        input_tokens: Tokens sent, in all; None where nothing is known of them.
        output_tokens: Tokens received, in all.
        cost_usd: US dollars, in all; None where no price is known.
        price_date: The day on which the price was read.
    """

    model: str
    pending: int
    requests: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    price_date: datetime.date | None = None


def generation_estimates(address: str, stage: StageName, limit: int | None) -> list[Estimate]:
    """Returns what a run of `caption` or `imagine` would ask of each model that has work to do.

    Args:
        address: The workspace.
        stage: `caption` or `imagine`.
        limit: Most items of the run; models take their turns in the configuration's order.
    """
    run = open_run(address)
    direction = Direction.T2I if stage is StageName.IMAGINE else Direction.I2T
    generators = planned_generators(run, direction)
    plan_of = ImagineStage if stage is StageName.IMAGINE else CaptionStage
    plan = Plan(plan_of(run, generators), run.workspace)
    pending = {counts.scope: counts.pending for counts in plan.counts()}
    left = limit
    found: list[Estimate] = []
    for selected in generators:
        of_model = pending.pop(selected.row.generator_id, 0)
        requests = of_model if left is None else min(of_model, left)
        left = None if left is None else left - requests
        if of_model:
            found.append(_estimate(run, selected, of_model, requests))
    return found


def _estimate(run: Run, selected: SelectedGenerator, pending: int, requests: int) -> Estimate:
    name = selected.config.name
    if selected.row.direction is Direction.I2T and not reads_pixels(selected):
        return Estimate(name, pending, 0, 0, 0, 0.0)  # the captions are there: nobody is asked
    model = priced_as(selected)
    ours = pc.field("generator_id") == selected.row.generator_id
    measured = measured_tokens(run.workspace, PAIRS, ours, ["generator_id"])
    tokens = measured or _expected_tokens(selected, model)
    return priced(name, model, pending, requests, tokens)


def priced(
    name: str,
    model: CatalogModel | None,
    pending: int,
    requests: int,
    tokens: tuple[float | None, float | None],
) -> Estimate:
    """Returns an estimate of requests of so many tokens each, sent and received.

    Args:
        name: The model's name in the configuration.
        model: Whose price it is; None where no price is known.
        pending: What it has to do.
        requests: What it would be asked in this run.
        tokens: Of one request and of its answer; None where nothing is known of them.
    """
    sent, received = tokens
    cost = _cost(model, sent, received)
    return Estimate(
        name,
        pending,
        requests,
        None if sent is None else round(sent * requests),
        None if received is None else round(received * requests),
        None if cost is None else cost * requests,
        model.price_date if model is not None and cost is not None else None,
    )


def priced_as(selected: SelectedGenerator) -> CatalogModel | None:
    """Returns the model of the catalog, unless the entry goes to another server or repository."""
    config = selected.config
    model = catalog().get(config.model) if config.model is not None else None
    if model is None or config.repo != model.repo:
        return None
    same_server = config.further.get("base_url") == model.options.get("base_url")
    return model if same_server else None


def measured_tokens(
    workspace: Workspace, table: TableSpec[Any], ours: pc.Expression, columns: Sequence[str]
) -> tuple[float, float] | None:
    """Returns the mean tokens of what a model has done so far, if they were counted.

    Args:
        workspace: Where that is.
        table: What it has made.
        ours: Which rows are that model's.
        columns: What `ours` looks at.
    """
    counted = sent = received = 0
    wanted = [*columns, "prompt_tokens", "completion_tokens"]
    for rows in workspace.table(table).scan(wanted, ours):
        whole = rows.drop_null()
        counted += len(whole)
        sent += pc.sum(whole["prompt_tokens"]).as_py() or 0
        received += pc.sum(whole["completion_tokens"]).as_py() or 0
    return (sent / counted, received / counted) if counted else None


def _expected_tokens(
    selected: SelectedGenerator, model: CatalogModel | None
) -> tuple[float, float] | tuple[None, None]:
    if model is None or model.image_tokens is None:
        return None, None
    asked = len(selected.row.instruction or "") / CHARACTERS_PER_TOKEN
    return model.image_tokens + asked, answer_tokens(selected, model)


def answer_tokens(selected: SelectedGenerator, model: CatalogModel | None) -> float:
    """Returns how many tokens an answer is expected to have: no more than its limit."""
    answer = (model.answer_tokens if model is not None else None) or ANSWER_TOKENS
    limits = [value for key in _LIMITS if (value := selected.config.params.get(key)) is not None]
    return float(min([answer, *limits]))


def _cost(model: CatalogModel | None, sent: float | None, received: float | None) -> float | None:
    if model is None:
        return None
    if model.price_image is not None:
        return model.price_image
    if model.price_in is None or model.price_out is None or sent is None or received is None:
        return None
    return (sent * model.price_in + received * model.price_out) / 1_000_000
