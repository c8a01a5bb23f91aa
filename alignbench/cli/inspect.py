"""`status`: where every stage stands, for each source and model."""

from dataclasses import asdict
from typing import Annotated

import typer

from alignbench.terminal.context import use_local_services
from alignbench.terminal.output import keep_for_document, print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(status)


def status(
    context: typer.Context,
    failures: Annotated[
        bool, typer.Option("--failures", help="List what failed, and why.")
    ] = False,
    runs: Annotated[
        bool,
        typer.Option("--runs", help="List the runs of stages: items, seconds, tokens, cost."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show done, pending, failed and not selected, per stage and model, and what doubts cost."""
    use_local_services(context.obj)
    if runs:
        _print_runs(context.obj.workspace, as_json)
        return
    from alignbench.flows.status import failure_rows, workspace_status
    from alignbench.flows.team.vote_costs import workspace_vote_costs

    if failures:
        rows = failure_rows(context.obj.workspace)
        if as_json:
            print_json([row._asdict() for row in rows])
        elif rows:
            print_table(
                ["stage", "scope", "item", "code", "why", "attempts"],
                [(r.stage, r.scope, r.key, r.code, r.message, r.attempts) for r in rows],
                fold=False,
            )
        else:
            say("Nothing failed.")
        return
    counts, notes = workspace_status(context.obj.workspace)
    if as_json:
        keep_for_document()
        print_json(
            [
                {
                    "stage": item.stage,
                    "scope": item.scope,
                    "done": item.done,
                    "pending": item.pending,
                    "failed": item.failed,
                    "empty": item.empty,
                    "not_selected": item.not_selected,
                }
                for item in counts
            ]
        )
        for note in notes:
            say(note)
        return
    print_table(
        ["stage", "source or model", "done", "pending", "failed", "empty", "not selected"],
        [(i.stage, i.scope, i.done, i.pending, i.failed, i.empty, i.not_selected) for i in counts],
    )
    for note in notes:
        say(note)
    for cost in workspace_vote_costs(context.obj.workspace):
        say(cost.line)
    _advise_to_compact(context.obj.workspace)


def _advise_to_compact(address: str) -> None:
    from alignbench.workspace.tables.compact import crowded_tables
    from alignbench.workspace.workspace import open_store

    for name, parts in crowded_tables(open_store(address)).items():
        say(
            f"Table {name} is in {parts:,} parts, and commands open them all: "
            "'alignbench compact' makes them faster."
        )


def _print_runs(workspace: str, as_json: bool) -> None:
    from alignbench.flows.status import stage_runs

    rows = stage_runs(workspace)
    if as_json:
        print_json([asdict(row) | {"started_at": row.started_at.isoformat()} for row in rows])
        return
    print_table(
        ["started", "stage", "done", "failed", "empty", "seconds", "calls", "tokens", "USD", ""],
        [
            (
                f"{row.started_at:%Y-%m-%d %H:%M:%S}",
                row.stage,
                row.made,
                row.failed,
                row.empty,
                round(row.seconds),
                row.calls,
                row.most_tokens,
                f"{row.most_usd:,.4f}",
                "" if row.ended else "at work or killed: the most it may have spent",
            )
            for row in rows
        ],
    )
