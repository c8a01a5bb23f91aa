"""The page of the command line, from Typer's own tree of commands."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from alignbench.cli.app import app

HEAD = """\
# Command line

Every verb with its arguments and options, as `alignbench VERB --help` has them. `-C` and
`--version` stand before the verb, everything else after it.

Exit codes: 0 done; 1 finished with too many failures, or an error that is not the caller's; 2 bad
usage or configuration; 130 stopped with Ctrl+C, 143 by SIGTERM, 129 by SIGHUP: what was finished is
kept, and the same command goes on. An error is one line on standard error that begins with a code
of [errors.md](errors.md). With `--json`, standard output is one JSON document.
"""


def page() -> str:
    """Returns `docs/cli.md`."""
    root = get_command(app)
    context = typer.Context(root)
    lines = [HEAD, "```", f"alignbench {usage(root, context)}", "```", ""]
    lines += [*table(root, context), "", "| verb | |", "| --- | --- |"]
    verbs = dict(commands(root, context, ""))
    lines += [f"| [`{name}`](#{anchor(name)}) | {summary(verb)} |" for name, verb in verbs.items()]
    for name, verb in verbs.items():
        lines += ["", f"## alignbench {name}", "", verb.help, ""]
        lines += ["```", f"alignbench {name} {usage(verb, context)}", "```"]
        rows = table(verb, context)
        lines += ["", *rows] if rows else []
    return "\n".join(lines) + "\n"


def commands(group: Any, context: typer.Context, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields every command that does something, with its full name."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, context, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def usage(command: Any, context: typer.Context) -> str:
    return " ".join(command.collect_usage_pieces(context))


def summary(command: Any) -> str:
    return " ".join(command.help.partition("\n\n")[0].split())


def anchor(name: str) -> str:
    return f"alignbench-{name}".replace(" ", "-")


def table(command: Any, context: typer.Context) -> list[str]:
    """Returns the arguments and options but `--help`, which every command has."""
    records = [
        parameter.get_help_record(context)
        for parameter in command.get_params(context)
        if parameter.name != "help"
    ]
    rows = [[cell.replace("|", "\\|") for cell in record] for record in records if record]
    cells = [f"| `{name}` | {meaning} |" for name, meaning in rows]
    return ["| argument or option | meaning |", "| --- | --- |", *cells] if cells else []
