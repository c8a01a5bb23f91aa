"""`--dry-run`: what a stage would do, and what its models would cost."""

from typing import TYPE_CHECKING

from alignbench.terminal.context import Context
from alignbench.terminal.output import print_json, say

if TYPE_CHECKING:
    from alignbench.flows.estimates.generation import Estimate
    from alignbench.schemas.ids import JsonValue
    from alignbench.schemas.vocabulary import StageName


def print_dry_run(
    context: Context, name: str, as_json: bool, limit: int | None, *, blind: bool = False
) -> None:
    """Prints what is pending of a stage; with estimates if the stage runs models."""
    from alignbench.schemas.vocabulary import StageName

    stage = StageName(name)
    estimates = _estimates(context.address, stage, limit, blind=blind)
    if estimates is not None:
        pending = [(item.model, item.pending) for item in estimates]
    else:
        from alignbench.flows.status import stage_counts

        estimates = []
        counts = stage_counts(context.address, stage)
        pending = [(item.scope, item.pending) for item in counts if item.pending]
    by_model = {item.model: item for item in estimates}
    if as_json:
        print_json([_as_json(scope, count, by_model.get(scope)) for scope, count in pending])
        return
    for scope, count in pending:
        say(f"{name}: {scope}: {count:,} to do")
        if scope in by_model:
            say(f"  {_sentence(by_model[scope])}")
    _print_totals(name, bool(pending), limit, estimates)


def print_calls(
    context: Context,
    name: str,
    as_json: bool,
    calls: int,
    budget: float | None,
    max_tokens: int | None,
    *,
    blind: bool = False,
) -> None:
    """Makes a few real calls to each model of a stage, and prints what they came to."""
    from alignbench.flows.estimates.trial_calls import try_calls
    from alignbench.schemas.spending import Budget
    from alignbench.schemas.vocabulary import StageName

    with context.runs_shown(as_json=as_json):
        spent = Budget(budget, max_tokens)
        try_calls(context.address, StageName(name), calls, spent, blind=blind)


def _estimates(
    address: str, stage: "StageName", limit: int | None, *, blind: bool
) -> "list[Estimate] | None":
    """Returns what a stage's models would be asked; None for a stage that asks none."""
    if stage in ("caption", "imagine"):
        from alignbench.flows.estimates.generation import generation_estimates

        return generation_estimates(address, stage, limit)
    if stage == "prompts":
        from alignbench.flows.estimates.prompts import prompt_estimates

        return prompt_estimates(address, limit)
    if stage in ("rewrite", "respond", "judge"):
        from alignbench.flows.estimates import chats as chat_estimates

        if stage == "respond":
            return chat_estimates.response_estimates(address, limit, blind=blind)
        if stage == "judge":
            return chat_estimates.judgement_estimates(address, limit)
        return chat_estimates.rewriting_estimates(address, limit)
    return None


def _print_totals(
    name: str, anything: bool, limit: int | None, estimates: "list[Estimate]"
) -> None:
    if not anything:
        say(f"{name}: nothing to do")
        return
    if limit is not None:
        say(f"{name}: of these, {limit:,} at most in this run")
    costs = [item.cost_usd for item in estimates if item.cost_usd]
    if len(costs) > 1:
        say(f"{name}: estimate: about ${sum(costs):,.2f} in all, where a price is known")


def _sentence(estimate: "Estimate") -> str:
    if not estimate.requests:
        return "estimate: no requests in this run"
    said = f"estimate: {estimate.requests:,} requests"
    if estimate.input_tokens is not None and estimate.output_tokens is not None:
        said += f", about {estimate.input_tokens:,} tokens in and {estimate.output_tokens:,} out"
    if estimate.seconds is not None:
        said += f", about {estimate.seconds / 3600:,.1f} hours"
    if estimate.cost_usd is None:
        return f"{said}; no price known"
    said += f"; about ${estimate.cost_usd:,.2f}"
    return said if estimate.price_date is None else f"{said} (price of {estimate.price_date})"


def _as_json(scope: str, pending: int, estimate: "Estimate | None") -> "JsonValue":
    said: dict[str, JsonValue] = {"scope": scope, "pending": pending}
    if estimate is not None:
        date = estimate.price_date
        said["estimate"] = {
            "requests": estimate.requests,
            "input_tokens": estimate.input_tokens,
            "output_tokens": estimate.output_tokens,
            "cost_usd": estimate.cost_usd,
            "seconds": estimate.seconds,
            "price_date": date.isoformat() if date is not None else None,
        }
    return said
