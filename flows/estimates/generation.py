"""What generation would ask of each model, and what that would cost: estimates, never bills."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc

from alignbench.engine.pending import Plan
from alignbench.flows.caption import CaptionStage
from alignbench.flows.imagine import ImagineStage
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.generators import SelectedGenerator, planned_generators, reads_pixels
from alignbench.flows.selected.prices import Prices, catalog_entry, prices
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.schemas.configuration.catalog import CatalogModel
from alignbench.schemas.tables import PAIRS, STAGE_RUNS, TableSpec
from alignbench.schemas.vocabulary import Direction, StageName
from alignbench.workspace.workspace import Workspace

CHARACTERS_PER_TOKEN = 4
"""Of English text; good to about a fifth for the tokenizers in use."""

ANSWER_TOKENS = 200
"""A caption of several sentences, where the catalog says nothing of the model."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_new_tokens")


_STAGES = {Direction.I2T: CaptionStage, Direction.T2I: ImagineStage}


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
        price_date: The day on which the price was read, if it is the catalog's.
        seconds: Time of the run, from how long it took so far; None where nothing was made yet.
    """

    model: str
    pending: int
    requests: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    price_date: datetime.date | None = None
    seconds: float | None = None


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
    plan = Plan(_STAGES[direction](run, generators), run.workspace)
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
    ours = pc.field("generator_id") == selected.row.generator_id
    measured = measured_calls(run.workspace, PAIRS, ours, ["generator_id"], selected)
    expected = _expected_tokens(selected, catalog_entry(selected.config))
    return estimate(name, prices_of(selected), Asked(pending, requests), expected, measured)


class Measured(NamedTuple):
    """Means of what a model has made so far: tokens of a call, and the time it takes of a run.

    Attributes:
        tokens: Sent and received; None where they were not counted.
        seconds_each: From one answer to the next, where several are asked for at once; None where
            nothing was made yet.
    """

    tokens: tuple[float, float] | None
    seconds_each: float | None


NOTHING_MADE: Final = Measured(None, None)


class Asked(NamedTuple):
    """What a model has to do, and how much of it it would be asked in this run."""

    pending: int
    requests: int


def prices_of(selected: SelectedGenerator) -> Prices:
    """Returns what calls to a model cost."""
    return prices(selected.config, selected.config.options(selected.group))


def estimate(
    name: str,
    price: Prices,
    asked: Asked,
    expected: tuple[float | None, float | None],
    measured: Measured,
) -> Estimate:
    """Returns an estimate of requests to a model.

    Args:
        name: The model's, in the configuration.
        price: What its calls cost.
        asked: How much it would be asked.
        expected: Tokens of one request and of its answer, if none were counted yet; None where
            nothing is known of them.
        measured: What it has made so far.
    """
    requests = asked.requests
    sent, received = measured.tokens or expected
    cost = price.of(sent, received)
    return Estimate(
        name,
        asked.pending,
        requests,
        None if sent is None else round(sent * requests),
        None if received is None else round(received * requests),
        None if cost is None else cost * requests,
        price.read_on if cost is not None else None,
        measured.seconds_each * requests if measured.seconds_each else None,
    )


def measured_calls(
    workspace: Workspace,
    table: TableSpec[Any],
    ours: pc.Expression,
    columns: Sequence[str],
    selected: SelectedGenerator,
) -> Measured:
    """Returns what is known of a model from what it has made.

    Args:
        workspace: Where that is.
        table: What it has made.
        ours: Which rows are that model's.
        columns: What `ours` looks at.
        selected: The model.
    """
    counted = timed = sent = received = 0
    seconds = 0.0
    tokens = ["prompt_tokens", "completion_tokens"]
    for rows in workspace.table(table).scan([*columns, *tokens, "seconds"], ours):
        whole = rows.select(tokens).drop_null()
        counted += len(whole)
        sent += pc.sum(whole["prompt_tokens"]).as_py() or 0
        received += pc.sum(whole["completion_tokens"]).as_py() or 0
        timed += len(rows) - rows["seconds"].null_count
        seconds += pc.sum(rows["seconds"]).as_py() or 0.0
    each = seconds / timed / _at_once(selected) if timed else None
    return Measured((sent / counted, received / counted) if counted else None, each)


def measured_stage(workspace: Workspace, stage: StageName) -> Measured:
    """Returns the means of all calls of a stage so far, whose rows do not say what each took."""
    ours = pc.field("stage") == stage.value
    runs = [row for row in workspace.table(STAGE_RUNS).rows(ours) if row.ended and row.calls]
    calls = sum(row.calls for row in runs)
    if not calls:
        return NOTHING_MADE
    sent = sum(row.prompt_tokens for row in runs) / calls
    received = sum(row.completion_tokens for row in runs) / calls
    return Measured((sent, received), sum(row.seconds for row in runs) / calls)


def _at_once(selected: SelectedGenerator) -> int:
    options = selected.config.options(selected.group)
    return options.start_concurrency if isinstance(options, EndpointOptions) else 1


def _expected_tokens(
    selected: SelectedGenerator, model: CatalogModel | None
) -> tuple[float, float] | tuple[None, None]:
    if model is None or model.image_tokens is None:
        return None, None
    asked = len(selected.row.instruction or "") / CHARACTERS_PER_TOKEN
    return model.image_tokens + asked, answer_tokens(selected)


def answer_tokens(selected: SelectedGenerator) -> float:
    """Returns how many tokens an answer is expected to have: no more than its limit."""
    model = catalog_entry(selected.config)
    answer = (model.answer_tokens if model is not None else None) or ANSWER_TOKENS
    limits = [value for key in _LIMITS if (value := selected.config.params.get(key)) is not None]
    return float(min([answer, *limits]))
