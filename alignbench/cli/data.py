"""`compact`: keeping the tables fast."""

from typing import Annotated

import typer

from alignbench.terminal.output import print_json, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(compact)


def compact(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Merge each table's small parts; safe while stages run."""
    from alignbench.workspace.tables.compact import compact as compact_table
    from alignbench.workspace.workspace import open_workspace

    workspace = open_workspace(context.obj.workspace)
    with workspace.store.lock("compact"):
        done = {table.spec.name: compact_table(table) for table in workspace.tables()}
    if as_json:
        print_json({name: list(result) for name, result in done.items()})
        return
    for name, result in done.items():
        if result.parts_after != result.parts_before:
            say(f"{name}: {result.parts_before:,} parts became {result.parts_after:,}")
    if all(result.parts_after == result.parts_before for result in done.values()):
        say("compact: nothing to do")
