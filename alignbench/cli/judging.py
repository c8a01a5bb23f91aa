"""The stages about questions as verbs: answers, and what judges say of them."""

from typing import Annotated

import typer

from alignbench.cli.stages import (
    Budget,
    Calls,
    DryRun,
    Json,
    Limit,
    MaxTokens,
    run_model_verb,
)


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (rewrite, respond, judge):
        app.command()(verb)


def rewrite(context: typer.Context, limit: Limit = None, budget: Budget = None,
            max_tokens: MaxTokens = None, dry_run: DryRun = False, calls: Calls = None,
            as_json: Json = False) -> None:  # fmt: skip
    """Have the configured rewriters put the questions in other words."""
    paid = {"budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "rewrite", as_json, dry_run, calls, limit=limit, **paid)


def respond(
    context: typer.Context,
    blind: Annotated[
        bool, typer.Option("--blind", help="Show no image: what can be answered without it?")
    ] = False,
    limit: Limit = None,
    budget: Budget = None,
    max_tokens: MaxTokens = None,
    dry_run: DryRun = False,
    calls: Calls = None,
    as_json: Json = False,
) -> None:
    """Have the configured captioners answer the questions."""
    asked = {"blind": blind, "limit": limit, "budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "respond", as_json, dry_run, calls, **asked)


def judge(context: typer.Context, limit: Limit = None, budget: Budget = None,
          max_tokens: MaxTokens = None, dry_run: DryRun = False, calls: Calls = None,
          as_json: Json = False) -> None:  # fmt: skip
    """Have the configured judges rate the answers."""
    paid = {"budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "judge", as_json, dry_run, calls, limit=limit, **paid)
