"""`annotators report` and `annotators feedback`: what a manager sees, and what a person is sent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.cli.rounds import repeat_until_interrupted
from alignbench.terminal.context import Context, use_local_services
from alignbench.terminal.output import print_json, say

if TYPE_CHECKING:
    from alignbench.flows.team.report import TeamReport


def register(people: typer.Typer) -> None:
    """Adds the verbs."""
    people.command("report")(report)
    people.command("feedback")(feedback)


def report(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write to; else private/team in the workspace."),
    ] = None,
    cap: Annotated[
        float, typer.Option("--cap", min=1, help="Seconds that one answer counts as at most.")
    ] = 300.0,
    watch: Annotated[
        bool, typer.Option("--watch", help="Fetch answers and write it anew until Ctrl+C.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=1, help="With --watch: seconds in between.")
    ] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print rounds and people as one JSON document.")
    ] = False,
) -> None:
    """Write a page on the team: progress, hours, quality, who needs help. It names people."""
    use_local_services(context.obj)
    if not watch:
        _tell(_written(context.obj, out, cap, None), as_json)
        return

    def renew() -> None:
        _pull(context.obj)
        _tell(_written(context.obj, out, cap, every), as_json)

    repeat_until_interrupted(renew, every)


def feedback(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="EMAIL", help="The annotator.")],
    to: Annotated[Path, typer.Option("--to", help="The page to write.")],
) -> None:
    """Write a page for one annotator, on gold that they missed; it names no other gold."""
    from alignbench.flows.team.report import write_feedback

    shown = write_feedback(context.obj.address, name, to)
    say(f"{shown:,} sentences that {name} answered otherwise are in {to}, in their language.")
    say("Send it when nobody is asked about the same gold any more, or ask them not to pass it on.")


def _written(
    context: Context, out: Path | None, cap: float, renewed_every: float | None
) -> "TeamReport":
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.flows.team.report import team_report

    return run_flow(
        team_report,
        workspace=context.address,
        out=None if out is None else str(out),
        cap=cap,
        renewed_every=renewed_every,
    )


def _pull(context: Context) -> None:
    from alignbench.flows.pull import pull
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.flows.runs.watching import shown_by

    with shown_by(context.watcher(quiet=True)):
        run_flow(pull, workspace=context.address)


def _tell(written: "TeamReport", as_json: bool) -> None:
    if as_json:
        shown = {name: written.tables[name].to_pylist() for name in ("rounds", "people")}
        print_json(json.loads(json.dumps({"page": str(written.page), **shown})))
        return
    if written.server_fault is not None:
        say(f"The server was not asked what was changed there: {written.server_fault}")
    say(f"annotators: report written to {written.page}")
