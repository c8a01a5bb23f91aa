"""`release`, `verify` and `diff`: making a release, checking one from anywhere, comparing two."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.schemas.paths import real_path
from alignbench.terminal.context import use_local_services
from alignbench.terminal.output import one_line, print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.release.diff import Change, Difference


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(release)
    app.command()(verify)
    app.command()(diff)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def release(
    context: typer.Context,
    after: Annotated[
        str | None,
        typer.Option(metavar="OLD", help="An older release; its images stay in their splits."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="S3", help="Also publish it, to NAME/VERSION/ under s3://..."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the release that the configuration names, verified, to releases/NAME/VERSION/."""
    use_local_services(context.obj)
    from alignbench.flows.release import release as release_flow
    from alignbench.flows.runs.orchestration import run_flow

    with context.obj.runs_shown(as_json=as_json):
        report = run_flow(
            release_flow, workspace=context.obj.address, after=_absolute(after), to=to
        )
    if as_json:
        print_json(report.as_json())


def verify(
    address: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release's folder, or s3://bucket/prefix.")
    ],
    every_image: Annotated[
        bool,
        typer.Option("--every-image", help="Compute every image's perceptual hash, not a sample."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a release from its files alone: needs no workspace and no server."""
    from alignbench.release.any_kind import verify as verify_release

    report = verify_release(address, every_image=every_image)
    if as_json:
        print_json(
            {
                "ok": not report.findings,
                "unchecked": report.unchecked,
                "findings": [finding._asdict() for finding in report.findings],
            }
        )
    else:
        for finding in report.findings:
            say(str(finding))
        broken = sum(report.broken.values())
        state = f"breaks a rule in {broken:,} places" if broken else "is sound"
        for path in report.unchecked:
            say(f"{path}: not checked, since spaCy is not installed")
        say(f"verify: {address} {state}")
    if report.findings:
        raise typer.Exit(1)


def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A release's folder, or s3://bucket/prefix.")],
    new: Annotated[str, typer.Argument(help="Another one.")],
    labels: Annotated[
        bool, typer.Option("--labels", help="OLD and NEW are label sets of the workspace.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Changes of each kind to list.")] = 10,
    as_json: Json = False,
) -> None:
    """Show what changed between two releases, or two label sets."""
    from alignbench.release.diff import diff_label_sets, diff_releases
    from alignbench.release_format.folder import open_release
    from alignbench.release_format.question_manifest import is_of_questions
    from alignbench.workspace.workspace import open_workspace

    if not labels and is_of_questions(open_release(new)):
        from alignbench.cli.question_difference import show_question_difference

        show_question_difference(old, new, limit, as_json=as_json)
        return
    if labels:
        found = diff_label_sets(open_workspace(context.obj.workspace), old, new)
    else:
        found = diff_releases(old, new)
    if as_json:
        print_json(
            {
                "sentences": list(found.sentences),
                "counts": [[*key, number] for key, number in found.counts.items()],
                "verdicts": [[*key, number] for key, number in found.verdicts.items()],
                "columns": found.columns,
                "changes": [change._asdict() for change in found.changes],
            }
        )
    else:
        _say_difference(found, limit)


def _say_difference(found: "Difference", limit: int) -> None:
    from alignbench.release.diff import Kind

    models = sorted({model for _, model in found.counts})
    if models:
        rows = [(m, *(found.counts.get((kind, m), 0) for kind in Kind)) for m in models]
        print_table(["model", *Kind], rows)
    for (before, after), number in found.verdicts.items():
        say(f"{number:,} from {before} to {after}")
    for column, number in found.columns.items():
        say(f"{number:,} in {column}")
    shown: Counter[tuple[str, str]] = Counter()
    for change in sorted(found.changes, key=lambda change: list(Kind).index(change.kind)):
        what = "" if change.kind is Kind.VOTES else change.column
        shown[change.kind, what] += 1
        if shown[change.kind, what] <= limit:
            say(_change_line(change))
    was, now = found.sentences
    say(f"diff: {was:,} sentences before, {now:,} after, changes: {sum(found.counts.values()):,}")


def _change_line(change: "Change") -> str:
    kind = (
        change.kind.value
        if change.column in ("annotation", change.kind.value)
        else (f"{change.kind.value} {change.column}")
    )
    values = f"{one_line(change.old)} -> {one_line(change.new)}"
    caption = one_line(change.caption)
    return f"{kind}: {change.model} {change.sentence_id}: {values} | {caption}"


def _absolute(address: str | None) -> str | None:
    """Returns the address as a worker in another folder needs it."""
    if address is None or address.startswith("s3://"):
        return address
    return str(real_path(address))
