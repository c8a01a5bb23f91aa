"""`export`: a release as a task of another evaluation program."""

from pathlib import Path
from typing import Annotated

import typer

from alignbench.terminal.output import print_json, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(export)


def export(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="inspect_ai or lmms_eval.")],
    address: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release's folder, or s3://bucket/prefix.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the files go.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the files with which inspect_ai or lmms-eval run a release.

    A model gets the questions, and the AUROC, that the detectors vlm and vlm_endpoint get. Both
    need alignbench in the environment that they run in; its core is enough.
    """
    from alignbench.evaluation.exports.files import export_task

    files = export_task(kind, address, to)
    if as_json:
        print_json({"files": [str(path) for path in files]})
        return
    for path in files:
        say(str(path))
