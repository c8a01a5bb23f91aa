"""`leaderboard`: submissions of detectors checked against a release, and ranked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.evaluation.leaderboard import Leaderboard


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(leaderboard)


def leaderboard(
    address: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release's folder, or s3://bucket/prefix.")
    ],
    submissions: Annotated[
        list[Path],
        typer.Argument(metavar="SUBMISSION...", help="Files that 'evaluate --submissions' writes."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the page and its tables.")] = Path(
        "leaderboard"
    ),
    split: Annotated[str | None, typer.Option("--split", help="Only this split.")] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures (needs matplotlib).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check submissions against a release and rank those that hold.

    Every figure is computed again from the submitted scores. A submission of another release or
    split, of other files, with sentences missing, or whose claim does not follow from its scores is
    not ranked, and the command ends with 1.
    """
    from alignbench.evaluation.errors import SubmissionRefusedError
    from alignbench.evaluation.evaluate import Settings, evaluated_sentences
    from alignbench.evaluation.leaderboard import write_leaderboard
    from alignbench.evaluation.submissions import Submission
    from alignbench.release_format.folder import open_release
    from alignbench.release_format.sentences import ReleaseReader

    settings = Settings(split=split, figures=figures)
    settings.check()
    reader = ReleaseReader(open_release(address), split)
    sentences = evaluated_sentences(reader, settings, out)
    found = [Submission(path) for path in submissions]
    done = write_leaderboard(reader, sentences, found, out, figures=figures)
    _report(done, as_json)
    if done.refused:
        raise SubmissionRefusedError(
            f"{len(done.refused)} of {len(found)} submissions are not ranked.",
            f"{done.report} says why; ask for them anew.",
        )


def _report(done: "Leaderboard", as_json: bool) -> None:
    ranking = done.analyses[0].table
    if as_json:
        said = [{"path": str(r.path), "reasons": list(r.reasons)} for r in done.refused]
        results = {analysis.name: analysis.table.to_pylist() for analysis in done.analyses}
        print_json({"report": str(done.report), "refused": said, "results": results})
        return
    rows = [
        [row["rank"], row["detector"], *(_shown(row[k]) for k in ("auroc", "low", "high"))]
        for row in ranking.to_pylist()
    ]
    print_table(["rank", "detector", "AUROC", "95 % from", "to"], rows)
    for one in done.refused:
        say(f"{one.path} is not ranked: {'; '.join(one.reasons)}.")
    say(f"Report: {done.report}")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
