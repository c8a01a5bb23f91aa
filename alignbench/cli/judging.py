"""The stages about questions as verbs: answers, and what judges say of them."""

from typing import Annotated

import typer

from alignbench.cli.stages import DryRun, Json, Limit, run_stage_verb


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (rewrite, respond, judge):
        app.command()(verb)


def rewrite(context: typer.Context, limit: Limit = None, dry_run: DryRun = False,
            as_json: Json = False) -> None:  # fmt: skip
    """Have the configured rewriters put the questions in other words."""
    run_stage_verb(context.obj, "rewrite", as_json, dry_run, limit=limit)


def respond(
    context: typer.Context,
    blind: Annotated[
        bool, typer.Option("--blind", help="Show no image: what can be answered without it?")
    ] = False,
    limit: Limit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Have the configured captioners answer the questions."""
    run_stage_verb(context.obj, "respond", as_json, dry_run, limit=limit, blind=blind)


def judge(context: typer.Context, limit: Limit = None, dry_run: DryRun = False,
          as_json: Json = False) -> None:  # fmt: skip
    """Have the configured judges rate the answers."""
    run_stage_verb(context.obj, "judge", as_json, dry_run, limit=limit)
