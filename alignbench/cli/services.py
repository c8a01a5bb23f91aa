"""`services up|down|status`: the local Prefect server and Label Studio of a workspace."""

from typing import Annotated

import typer

from alignbench.services import ServiceState
from alignbench.terminal.output import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    group = typer.Typer(
        name="services",
        help="The local Prefect server and Label Studio of this workspace.",
        no_args_is_help=True,
    )
    group.command()(up)
    group.command()(down)
    group.command()(status)
    app.add_typer(group)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def up(context: typer.Context, as_json: Json = False) -> None:
    """Start what is not running, and wait until it answers."""
    from alignbench import services

    if not as_json:
        say("Starting; the first start of Label Studio takes most of a minute.")
    _show(services.up(context.obj.folder), as_json)


def down(context: typer.Context, as_json: Json = False) -> None:
    """Stop the servers that 'services up' started."""
    from alignbench import services

    _show(services.down(context.obj.folder), as_json)


def status(
    context: typer.Context,
    login: Annotated[
        bool, typer.Option("--login", help="Print the operator's login for Label Studio.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what is running, where it answers and where it logs."""
    from alignbench import services

    _show(services.status(context.obj.folder), as_json)
    if login:
        credentials = services.read_credentials(context.obj.folder)
        if credentials is None:
            say("There is no login yet; run 'alignbench services up'.")
        else:
            say(f"Label Studio login: {credentials.username}  {credentials.password}")


def _show(states: list[ServiceState], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "name": state.name,
                    "status": state.status,
                    "url": state.url,
                    "pid": state.pid,
                    "log": str(state.log),
                }
                for state in states
            ]
        )
    else:
        print_table(
            ["service", "status", "address", "log"],
            [(state.name, state.status, state.url or "-", state.log) for state in states],
        )
