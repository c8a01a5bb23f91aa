"""What commands print: a progress bar and sentences for people, one JSON document for scripts."""

import json
import sys
from collections.abc import Sequence
from typing import TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from alignbench.engine.report import StageReport
from alignbench.engine.watching import Watcher
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import StageName
from alignbench.terminal.process import speaks_unicode

console = Console(stderr=True)

_UNFOLDED = 10_000
"""Characters of a line that no terminal has; a table takes only as many as it needs."""


_LONGEST_VALUE = 120
"""Characters of a value that a line shows."""


class _Document:
    """Where documents go while standard output is kept for them."""

    def __init__(self) -> None:
        self.stream: TextIO = sys.stdout


_document = _Document()


class TerminalProgress(Watcher):
    """A progress bar with rate and time left, on standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._failed = 0

    def started(self, stage: StageName, total: int) -> None:
        """Shows the bar of a stage."""
        self._failed = 0
        if self._quiet:
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(stage.value, total=total, rate="")
        self._bar.start()

    def advanced(self, items: int, failed: int) -> None:
        """Advances the bar."""
        if self._bar is None:
            return
        self._failed += failed
        speed = self._bar.tasks[0].speed
        rate = f"{speed:,.1f}/s" if speed else ""
        if self._failed:
            rate += f" [red]{self._failed:,} failed[/red]"
        self._bar.update(self._task, advance=items, rate=rate)

    def noted(self, text: str) -> None:
        """Prints a line beside the bar, on standard error."""
        console.print(text, markup=False, highlight=False)

    def finished(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def reported(self, report: StageReport) -> None:
        """Prints what a stage did, unless a script gets it as JSON at the end."""
        if not self._quiet:
            say(report.summary())
            for note in report.notes:
                say(f"  {note}")


def say(message: str) -> None:
    """Prints a line for people; nothing in it is taken as markup."""
    typer.echo(message)


def one_line(text: str | None) -> str:
    """Returns a value as it fits a line; what is not printable is somebody else's and left out."""
    if text is None:
        return "nothing"
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable if len(printable) <= _LONGEST_VALUE else printable[: _LONGEST_VALUE - 1] + "…"


def keep_for_document() -> None:
    """Keeps standard output for `print_json`: all else goes to standard error from now on.

    To the end of the process, since what a library starts may speak after the document: Ray's
    client tells of a dead worker whenever it hears of it.
    """
    if sys.stdout is not sys.stderr:
        _document.stream = sys.stdout
        sys.stdout = sys.stderr


def print_json(value: JsonValue) -> None:
    """Prints one JSON document for scripts."""
    stream = _document.stream if sys.stdout is sys.stderr else sys.stdout
    ascii_only = not speaks_unicode(stream)
    typer.echo(json.dumps(value, indent=2, ensure_ascii=ascii_only, default=str), file=stream)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, fold: bool = True
) -> None:
    """Prints a table for people; numbers are right-aligned, text is never taken as markup.

    Args:
        columns: Headings.
        rows: One value for each column.
        fold: Fold cells to the width of the terminal; False keeps each row on a line of its own,
            however long, so that names in it can be copied and searched for.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{c:,}" if isinstance(c, int) else escape(str(c)) for c in row))
    Console(width=None if fold else _UNFOLDED).print(table)
