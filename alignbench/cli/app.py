"""The root of the command line: the workspace option, the verbs, and how errors end a command."""

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Annotated

import typer

from alignbench.cli import (
    annotation,
    data,
    evaluation,
    exports,
    imports,
    inspect,
    judging,
    leaderboard,
    models,
    questions,
    releases,
    services,
    stages,
    start,
)
from alignbench.schemas.errors import AlignBenchError, UsageError
from alignbench.terminal.context import Context
from alignbench.terminal.json_log import log_error, log_stop
from alignbench.terminal.process import Stop, drop_empty_variables, print_whatever_is_said

_INTERRUPTED = 130
_WORKSPACE = ("-C", "--workspace")
_GO_ON = "Run the same command again to continue."

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
    exports,
    leaderboard,
    inspect,
    models,
    questions,
    judging,
    data,
    services,
):
    verbs.register(app)


class LogFormat(StrEnum):
    """How runs are told on standard error."""

    TEXT = "text"
    JSON = "json"


class MachineFaultError(AlignBenchError):
    """A fault of the machine, such as a full disk or a missing permission."""

    code = "AB-S03"


class _Told:
    """How the end of a command is told; settled as the command line is read."""

    def __init__(self) -> None:
        self.error: Callable[[AlignBenchError], None] = _print_error
        self.stop: Callable[[], None] = _print_stop


def _print_error(error: AlignBenchError) -> None:
    sys.stderr.write(f"{error}\n")


def _print_stop() -> None:
    sys.stderr.write(f"Stopped. {_GO_ON}\n")


_told = _Told()


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
            *_WORKSPACE,
            envvar="ALIGNBENCH_WORKSPACE",
            help="The workspace: a folder, or s3://bucket/prefix.",
        ),
    ] = ".",
    log: Annotated[
        LogFormat,
        typer.Option(
            "--log",
            envvar="ALIGNBENCH_LOG",
            help="How runs are told on standard error: for people, or as lines of JSON.",
        ),
    ] = LogFormat.TEXT,
    version: Annotated[  # noqa: ARG001 - its callback has printed it and ended the command
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    context.obj = Context(workspace, logs_json=log is LogFormat.JSON)
    if log is LogFormat.JSON:
        _told.error, _told.stop = log_error, partial(log_stop, _GO_ON)


def _check_order(arguments: Sequence[str]) -> None:
    """Raises where the workspace is named after the verb, which Typer calls an unknown option."""
    before = iter(arguments)
    for argument in before:
        if not argument.startswith("-"):
            break
        if argument in (*_WORKSPACE, "--log"):
            next(before, None)
    for option, value in pairwise([*before, ""]):
        if option == "--":
            return
        if option in _WORKSPACE:
            said = f"alignbench {option} {value or 'WORKSPACE'} {argument}"
            raise UsageError(f"{option} stands after the verb.", f"Write '{said} ...'.")


def main() -> None:
    """Runs a command; an error that a person can act on ends it with one line and its exit code."""
    drop_empty_variables()
    print_whatever_is_said()
    stop = Stop()
    stop.listen()
    try:
        _check_order(sys.argv[1:])
        app()
    except AlignBenchError as error:
        _told.error(error)
        raise SystemExit(error.exit_code) from None
    except SystemExit as ending:
        if ending.code != _INTERRUPTED:  # what Typer makes of an interruption
            raise
        _told.stop()
        raise SystemExit(stop.exit_code) from None
    except OSError as error:
        fix = "Free up space or grant access; nothing is lost."
        _told.error(MachineFaultError(f"{error}.", fix))
        raise SystemExit(1) from None
