"""The root of the command line: the workspace option, the verbs, and how errors end a command."""

import sys
from typing import Annotated

import typer

from alignbench.cli import (
    annotation,
    data,
    evaluation,
    imports,
    inspect,
    judging,
    models,
    questions,
    releases,
    services,
    stages,
    start,
)
from alignbench.schemas.errors import AlignBenchError
from alignbench.terminal.context import Context
from alignbench.terminal.process import Stop, drop_empty_variables

MACHINE_FAULT = "AB-S03"
"""Code of a fault of the machine, such as a full disk or a missing permission."""

_INTERRUPTED = 130

app = typer.Typer(
    name="alignbench",
    help="Build fine-grained image-text alignment benchmarks, and score detectors on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verbs in (
    start,
    stages,
    annotation,
    releases,
    imports,
    evaluation,
    inspect,
    models,
    questions,
    judging,
    data,
    services,
):
    verbs.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        import alignbench

        typer.echo(f"alignbench {alignbench.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    workspace: Annotated[
        str,
        typer.Option(
            "-C",
            "--workspace",
            envvar="ALIGNBENCH_WORKSPACE",
            help="The workspace: a folder, or s3://bucket/prefix.",
        ),
    ] = ".",
    version: Annotated[  # noqa: ARG001 - its callback has printed it and ended the command
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    context.obj = Context(workspace)


def main() -> None:
    """Runs a command; an error that a person can act on ends it with one line and its exit code."""
    drop_empty_variables()
    stop = Stop()
    stop.listen()
    try:
        app()
    except AlignBenchError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    except SystemExit as ending:
        if ending.code != _INTERRUPTED:  # what Typer makes of an interruption
            raise
        sys.stderr.write("Stopped. Run the same command again to continue.\n")
        raise SystemExit(stop.exit_code) from None
    except OSError as error:
        sys.stderr.write(
            f"{MACHINE_FAULT}: {error}. Free up space or grant access; nothing is lost.\n"
        )
        raise SystemExit(1) from None
