"""The stages as verbs: each runs its flow on the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alignbench.cli.dry_run import print_calls, print_dry_run
from alignbench.cli.rounds import checked_round, repeat_until_interrupted, strata
from alignbench.terminal.context import Context, use_local_services
from alignbench.terminal.output import print_json

if TYPE_CHECKING:
    from alignbench.engine.report import StageReport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Process at most this many items in this run.")
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        min=0,
        help="Stop before all runs together have spent so many US dollars on calls to models.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        min=1,
        help="Stop before all runs together have sent and received so many tokens.",
    ),
]
Calls = Annotated[
    int | None,
    typer.Option(
        "--calls",
        min=1,
        help="With --dry-run: first make so many real calls to each model, keep what they give, "
        "and estimate from them.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    for verb in (ingest, prompts, caption, imagine, split, push, pull, label, build, retry):
        app.command()(verb)


def ingest(context: typer.Context, limit: Limit = None, dry_run: DryRun = False,
           as_json: Json = False) -> None:  # fmt: skip
    """Read images from the configured sources."""
    run_stage_verb(context.obj, "ingest", as_json, dry_run, limit=limit)


def prompts(context: typer.Context, limit: Limit = None, budget: Budget = None,
            max_tokens: MaxTokens = None, dry_run: DryRun = False, calls: Calls = None,
            as_json: Json = False) -> None:  # fmt: skip
    """Read prompts for image generators from the configured sources."""
    paid = {"budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "prompts", as_json, dry_run, calls, limit=limit, **paid)


def caption(context: typer.Context, limit: Limit = None, budget: Budget = None,
            max_tokens: MaxTokens = None, dry_run: DryRun = False, calls: Calls = None,
            as_json: Json = False) -> None:  # fmt: skip
    """Write captions for the images with the configured captioners."""
    paid = {"budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "caption", as_json, dry_run, calls, limit=limit, **paid)


def imagine(context: typer.Context, limit: Limit = None, budget: Budget = None,
            max_tokens: MaxTokens = None, dry_run: DryRun = False, calls: Calls = None,
            as_json: Json = False) -> None:  # fmt: skip
    """Make images from the prompts with the configured image generators."""
    paid = {"budget": budget, "max_tokens": max_tokens}
    run_model_verb(context.obj, "imagine", as_json, dry_run, calls, limit=limit, **paid)


def split(
    context: typer.Context,
    limit: Limit = None,
    resplit: Annotated[
        bool, typer.Option("--resplit", help="Switch to the installed splitter.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Cut captions and prompts into sentences."""
    run_stage_verb(context.obj, "split", as_json, limit=limit, resplit=resplit)


def push(
    context: typer.Context,
    round_name: Annotated[
        str | None, typer.Option("--round", help="The round; by default the configured one.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Only sentences of this model; repeatable.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Draw this many sentences for the round.")
    ] = None,
    stratify: Annotated[
        str, typer.Option(help="What the sample represents: model, direction, position.")
    ] = "",
    suggest: Annotated[
        str | None,
        typer.Option(
            "--suggest", metavar="DETECTOR", help="Suggest words by this detector's scores."
        ),
    ] = None,
    other_server: Annotated[
        bool,
        typer.Option("--other-server", help="Push although earlier tasks are on another server."),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Ask people too who answered a sentence in another round."),
    ] = False,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Send sentences, or answers that people are to rate, to Label Studio."""
    run_stage_verb(
        context.obj,
        "push",
        as_json,
        limit=limit,
        round_name=checked_round(round_name),
        models=tuple(model or ()),
        sample=sample,
        stratify=strata(stratify),
        suggest=suggest,
        other_server=other_server,
        again=again,
    )


def pull(
    context: typer.Context,
    accept_deletions: Annotated[
        bool,
        typer.Option("--accept-deletions", help="Accept that answers are gone from the server."),
    ] = False,
    keep_answers: Annotated[
        bool,
        typer.Option(
            "--keep-answers",
            help="Keep answers of projects that are gone, or of a server that was set back.",
        ),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep fetching until stopped with Ctrl+C.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=1, help="With --watch: seconds between two fetches.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Fetch the annotators' answers."""
    gone = {"accept_deletions": accept_deletions, "keep_answers": keep_answers}
    if not watch:
        run_stage_verb(context.obj, "pull", as_json, **gone)
        return
    repeat_until_interrupted(lambda: run_stage_verb(context.obj, "pull", as_json, **gone), every)


def label(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="A name for this label set, to use with 'diff --labels'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make labels from the answers."""
    run_stage_verb(context.obj, "label", as_json, name=name)


def build(context: typer.Context, limit: Limit = None, budget: Budget = None,
          max_tokens: MaxTokens = None, as_json: Json = False) -> None:  # fmt: skip
    """Run every stage from ingest to push."""
    use_local_services(context.obj)
    from alignbench.flows.build import build as build_flow
    from alignbench.flows.runs.orchestration import run_flow

    with _json_despite_failures(as_json, many=True), context.obj.runs_shown(as_json=as_json):
        reports = run_flow(
            build_flow,
            workspace=context.obj.address,
            limit=limit,
            budget=budget,
            max_tokens=max_tokens,
        )
    if as_json:
        print_json([report.as_json() for report in reports])


def retry(
    context: typer.Context,
    stage: Annotated[str, typer.Argument(help="The stage whose failed items are tried again.")],
    limit: Limit = None,
    budget: Budget = None,
    max_tokens: MaxTokens = None,
    as_json: Json = False,
) -> None:
    """Try a stage's failed and empty items again."""
    from alignbench.schemas.errors import UsageError
    from alignbench.schemas.registry import suggestion

    retryable = (
        "ingest", "prompts", "caption", "imagine", "split", "push", "rewrite", "respond", "judge",
    )  # fmt: skip
    if stage not in retryable:
        raise UsageError(f"{stage!r} keeps no failures.", suggestion(stage, retryable))
    paid = {"budget": budget, "max_tokens": max_tokens}
    given: dict[str, Any] = {name: value for name, value in paid.items() if value is not None}
    if given and stage in ("ingest", "split", "push"):
        raise UsageError(f"{stage!r} calls no models.", "Leave out --budget and --max-tokens.")
    run_stage_verb(context.obj, stage, as_json, limit=limit, retry=True, **given)


def run_model_verb(
    context: Context,
    stage: str,
    as_json: bool,
    dry_run: bool,
    calls: int | None,
    /,
    **parameters: Any,
) -> None:
    """Runs the flow of a stage whose models may first be tried by a few calls."""
    if calls is not None:
        from alignbench.schemas.errors import UsageError

        if not dry_run:
            raise UsageError("--calls is for estimates.", "Add --dry-run, or use --limit.")
        use_local_services(context)
        paid = parameters["budget"], parameters["max_tokens"]
        blind = parameters.get("blind", False)
        print_calls(context, stage, as_json, calls, *paid, blind=blind)
    run_stage_verb(context, stage, as_json, dry_run, **parameters)


def run_stage_verb(
    context: Context, stage: str, as_json: bool, /, dry_run: bool = False, **parameters: Any
) -> None:
    """Runs a stage's flow on the workspace, or says what it would do."""
    use_local_services(context)
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.flows.stages import flow_of
    from alignbench.schemas.vocabulary import StageName

    if dry_run:
        blind = parameters.get("blind", False)
        print_dry_run(context, stage, as_json, parameters["limit"], blind=blind)
        return
    flow = flow_of(StageName(stage))
    with _json_despite_failures(as_json, many=False), context.runs_shown(as_json=as_json):
        report: StageReport = run_flow(flow, workspace=context.address, **parameters)
    if as_json:
        print_json(report.as_json())


@contextmanager
def _json_despite_failures(as_json: bool, *, many: bool) -> Iterator[None]:
    """Prints the reports of a run that had too many failures before its error ends the command."""
    from alignbench.engine.errors import TooManyFailuresError

    try:
        yield
    except TooManyFailuresError as error:
        if as_json:
            reports = [report.as_json() for report in error.reports]
            print_json(reports if many else reports[0])
        raise
