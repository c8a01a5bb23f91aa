"""`release` and `verify`: making a release, and checking one from anywhere."""

from typing import Annotated

import typer

from alignbench.cli.context import use_local_services
from alignbench.cli.output import TerminalProgress, print_json, say


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(release)
    app.command()(verify)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def release(context: typer.Context, as_json: Json = False) -> None:
    """Write the release that the configuration names, verified, to releases/NAME/VERSION/."""
    use_local_services(context.obj)
    from flows.orchestration import run_flow
    from flows.progress import shown_by
    from flows.release import release as release_flow

    with shown_by(TerminalProgress(quiet=as_json)):
        report = run_flow(release_flow, workspace=context.obj.address)
    if as_json:
        print_json(report.as_json())


def verify(
    address: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release's folder, or s3://bucket/prefix.")
    ],
    as_json: Json = False,
) -> None:
    """Check a release from its files alone: needs no workspace and no server."""
    from release.verify.verify import verify as verify_release

    report = verify_release(address)
    if as_json:
        print_json(
            {
                "ok": not report.findings,
                "findings": [finding._asdict() for finding in report.findings],
            }
        )
    else:
        for finding in report.findings:
            say(str(finding))
        broken = sum(report.broken.values())
        state = f"breaks a rule in {broken:,} places" if broken else "is sound"
        say(f"verify: {address} {state}")
    if report.findings:
        raise typer.Exit(1)
