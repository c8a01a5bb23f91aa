"""`evaluate`: scoring detectors on a release, without a workspace and without a server."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.schemas.errors import UsageError
from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.evaluation.chosen_detectors.entries import DetectorEntry
    from alignbench.evaluation.evaluate import Evaluation, Settings
    from alignbench.terminal.context import Context

MAX_FAILURE_SHARE = 0.01
"""A detector without a usable score of a larger share of the sentences ends the command with 1."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(evaluate)


def evaluate(
    context: typer.Context,
    addresses: Annotated[
        list[str],
        typer.Argument(metavar="RELEASE...", help="Folders of releases, or s3://bucket/prefix."),
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option(
            "--detector",
            metavar="NAME[:KEY=VALUE,...]",
            help="A detector of the catalog or a plug-in; may be given several times.",
        ),
    ] = None,
    scores: Annotated[
        list[Path] | None,
        typer.Option("--scores", help="Scores of your own, by sentence_id: CSV, JSONL, Parquet."),
    ] = None,
    detectors: Annotated[
        Path | None, typer.Option("--detectors", help="A TOML file that lists detectors.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the report; see below.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split.")] = None,
    outside: Annotated[
        Path | None,
        typer.Option("--correlate", help="CSV with model,value to correlate AUROC with."),
    ] = None,
    outside_label: Annotated[
        str, typer.Option("--correlate-label", help="What those values are.")
    ] = "MMMU",
    domains: Annotated[
        str | None,
        typer.Option("--domains", help="Guess missing domains: 'paper', or names with commas."),
    ] = None,
    domain_model: Annotated[
        str, typer.Option("--domain-model", help="The detector that guesses them.")
    ] = "clip",
    gold: Annotated[
        Path | None,
        typer.Option("--gold", help="True verdicts by sentence_id, to judge the labels by."),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Score sentences of unknown verdict too, for bounds.")
    ] = False,
    entailment: Annotated[
        str | None,
        typer.Option("--entailment", help="The NLI model that SeeTRUE-Feedback is judged by."),
    ] = None,
    parts_of_speech: Annotated[
        str | None,
        typer.Option("--parts-of-speech", help="The spaCy model to tag words by."),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Score failed sentences again.")] = False,
    figures: Annotated[bool, typer.Option(help="Draw figures (needs matplotlib).")] = True,
    sentences: Annotated[
        bool, typer.Option(help="Write the browser of single sentences, with small images.")
    ] = True,
    submissions: Annotated[
        bool, typer.Option("--submissions", help="Write each detector's file for a leaderboard.")
    ] = False,
    dollars_per_hour: Annotated[
        float | None,
        typer.Option("--dollars-per-hour", min=0, help="Of the machine, to reckon the cost."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score releases with detectors and write tables, figures and a report.

    Several releases are scored one after the other, and stand in one table of a common report.
    Scores are kept in the release's workspace, or else in the folder of the report, so that the
    same command goes on where it was stopped. Without --out that folder is
    evaluations/NAME/VERSION in the workspace, or else in the current folder.
    """
    from alignbench.evaluation.aids.gold import read_gold
    from alignbench.evaluation.analyses.correlation import read_outside
    from alignbench.evaluation.analyses.run import Outside
    from alignbench.evaluation.domains import PAPER, DomainStep
    from alignbench.evaluation.evaluate import Settings
    from alignbench.terminal.context import use_local_services

    entries = _entries(detector or [], scores or [], detectors)
    settings = Settings(
        split=split,
        retry=retry,
        figures=figures,
        sentences=sentences,
        submissions=submissions,
        dollars_per_hour=dollars_per_hour,
        outside=Outside(outside_label, read_outside(str(outside))) if outside else None,
        domains=DomainStep(domain_model, PAPER if domains == "paper" else _words(domains))
        if domains
        else None,
        gold=read_gold(str(gold)) if gold else {},
        unknown=unknown,
        entailment=entailment,
        parts_of_speech=parts_of_speech,
    )
    use_local_services(context.obj)
    from alignbench.flows.evaluate import evaluate as evaluate_release

    if len(addresses) > 1:
        _evaluate_together(context.obj, addresses, entries, out, settings, as_json=as_json)
        return
    with context.obj.runs_shown(as_json=as_json):
        done = evaluate_release(addresses[0], entries, out, settings)
    _report(done, as_json)
    _fail_if_much_is_unscored(done, settings)


def _evaluate_together(
    context: "Context",
    addresses: Sequence[str],
    entries: "Sequence[DetectorEntry]",
    out: Path | None,
    settings: "Settings",
    *,
    as_json: bool,
) -> None:
    from alignbench.flows.evaluate_together import evaluate_together

    with context.runs_shown(as_json=as_json):
        done = evaluate_together(addresses, entries, out, settings)
    tables = {analysis.name: analysis.table for analysis in done.analyses}
    if as_json:
        print_json(
            {
                "report": str(done.report),
                "gave_up": {name: found.gave_up for name, found in done.evaluations.items()},
                "results": {name: table.to_pylist() for name, table in tables.items()},
            }
        )
    else:
        main = tables["main_table"]
        rows = [[_shown_percent(cell) for cell in row.values()] for row in main.to_pylist()]
        print_table(main.column_names, rows)
        for name, found in done.evaluations.items():
            for detector, why in found.gave_up.items():
                say(f"{name}, {detector}: {why}")
        say(f"Report: {done.report}")
    for found in done.evaluations.values():
        _fail_if_much_is_unscored(found, settings)


def _entries(
    named: Sequence[str], files: Sequence[Path], described: Path | None
) -> "list[DetectorEntry]":
    from alignbench.evaluation.chosen_detectors.entries import (
        DetectorEntry,
        parse_detector,
        read_entries,
    )

    entries = [parse_detector(text) for text in named]
    entries += [
        DetectorEntry(name=path.stem, backend="scores", options={"path": str(path)})
        for path in files
    ]
    if described is not None:
        try:
            text = described.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{described} cannot be read: {error}.", "Correct the path.") from None
        entries += read_entries(text, str(described))
    if not entries:
        raise UsageError("No detector is named.", "Name one, such as --detector sentence_length.")
    return entries


def _report(done: "Evaluation", as_json: bool) -> None:
    tables = {analysis.name: analysis.table for analysis in done.analyses}
    if as_json:
        print_json(
            {
                "report": str(done.report),
                "gave_up": done.gave_up,
                "results": {name: table.to_pylist() for name, table in tables.items()},
            }
        )
        return
    columns = ["detector", "model", "auroc", "low", "high", "why_null"]
    rows = tables["auroc_by_model"].select(columns).to_pylist()
    shown = [[_shown(row[name]) for name in columns] for row in rows]
    print_table(["detector", "model", "AUROC", "95 % from", "to", ""], shown)
    for note in done.analyses[0].notes:
        say(note)
    for name, why in done.gave_up.items():
        say(f"{name}: {why}")
    say(f"Report: {done.report}")


def _shown(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else value


def _shown_percent(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else value


def _words(names: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in names.split(","))))


def _fail_if_much_is_unscored(done: "Evaluation", settings: "Settings") -> None:
    from alignbench.evaluation.errors import TooManyUnscoredError
    from alignbench.schemas.item_codes import ItemCode
    from alignbench.schemas.vocabulary import ScoreStatus

    for detector in done.detectors:
        failed = sum(detector.status.count(s) for s in (ScoreStatus.FAILED, ScoreStatus.INVALID))
        untried = detector.status.count("")
        # An image that may not be passed on is nobody's failure; the report counts it.
        kept_out = sum(why.startswith(ItemCode.IMAGE_ABSENT.value) for why in detector.reasons)
        share = (failed - kept_out + untried) / max(1, len(detector.status))
        if share > MAX_FAILURE_SHARE:
            raise TooManyUnscoredError(
                f"{detector.name!r} has no usable score of {share:.1%} of the sentences; "
                f"{done.report} says why.",
                "Correct the cause, then run the same command again with --retry."
                if not settings.retry
                else "Correct the cause, then run the same command again.",
            )
