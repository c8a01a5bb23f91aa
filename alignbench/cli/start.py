"""`init`, `doctor` and `demo`: the first commands anyone runs."""

from typing import Annotated

import typer

from alignbench.schemas.errors import UsageError
from alignbench.terminal.output import print_json, say


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(init)
    app.command()(doctor)
    app.command()(demo)


def init(context: typer.Context) -> None:
    """Write an alignbench.toml to start from; an existing one is left alone."""
    from importlib.resources import files

    from alignbench.workspace.workspace import CONFIG_KEY, open_store

    store = open_store(context.obj.workspace)
    template = (files("alignbench") / "alignbench.toml.template").read_bytes()
    if not store.create(CONFIG_KEY, template):
        raise UsageError(f"{store.url}/{CONFIG_KEY} exists.", "Edit it, or choose another folder.")
    say(f"Wrote {store.url}/{CONFIG_KEY}: name your sources and models there.")
    say("Next: alignbench doctor")


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check that everything a run needs is there, and say what to do if not."""
    from alignbench.doctor.examination import examine
    from alignbench.terminal.context import use_local_services

    use_local_services(context.obj)
    results = examine(context.obj.workspace)
    if as_json:
        print_json(
            [{"check": r.check, "state": r.state, "found": r.found, "fix": r.fix} for r in results]
        )
    else:
        for result in results:
            say(result.line())
    if any(result.state == "missing" for result in results):
        raise typer.Exit(1)


def demo(
    context: typer.Context,
    annotate_yourself: Annotated[
        bool,
        typer.Option(
            "--annotate-yourself",
            help="Stop after the push with Label Studio open, and continue when told to.",
        ),
    ] = False,
    keep_services: Annotated[
        bool, typer.Option(help="Leave the two servers running at the end.")
    ] = True,
) -> None:
    """Build a small annotated benchmark from sample photographs, with real servers."""
    from alignbench.demo.run import run_demo

    workspace = "demo-workspace" if context.obj.workspace == "." else context.obj.workspace
    run_demo(workspace, annotate_yourself=annotate_yourself, keep_services=keep_services)
