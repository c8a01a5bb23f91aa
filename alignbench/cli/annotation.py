"""`annotators`, `adjudicate` and `withdraw`: the people who answer, and their answers."""

import json
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.cli import team, team_report, unit_comparison
from alignbench.terminal.context import Context, use_local_services
from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.annotation.pulling.annotator_reports import AnnotatorReport
    from alignbench.annotation.pulling.checker_reports import CheckerReport
    from alignbench.annotation.pulling.rater_reports import RaterReport
    from alignbench.annotation.rounds.withdrawal import Withdrawal
    from alignbench.workspace.workspace import Workspace

    _Act = Callable[[Workspace, str, str, str], Withdrawal]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept on record.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    people = typer.Typer(
        name="annotators", help="The annotators: accounts, work, quality.", no_args_is_help=True
    )
    people.command("list")(list_annotators)
    people.command("add")(add_annotators)
    team.register(people)
    team_report.register(people)
    unit_comparison.register(people)
    app.add_typer(people)
    deciding = typer.Typer(
        name="adjudicate", help="Have disputed sentences decided.", no_args_is_help=True
    )
    deciding.command("push")(adjudicate_push)
    deciding.command("pull")(adjudicate_pull)
    app.add_typer(deciding)
    gone = typer.Typer(
        name="withdraw",
        help="Stop using an image, or an annotator's answers.",
        no_args_is_help=True,
    )
    gone.command("image")(withdraw_image)
    gone.command("annotator")(withdraw_annotator)
    app.add_typer(gone)


def list_annotators(context: typer.Context, as_json: Json = False) -> None:
    """Show how much, how fast and how well people have worked, as of the last pull."""
    from dataclasses import asdict

    from alignbench.annotation.pulling.annotator_reports import annotator_reports
    from alignbench.annotation.pulling.checker_reports import checker_reports
    from alignbench.annotation.pulling.rater_reports import rater_reports
    from alignbench.workspace.workspace import open_workspace

    workspace = open_workspace(context.obj.workspace)
    answering = annotator_reports(workspace)
    rating, checking = rater_reports(workspace), checker_reports(workspace)
    reports: list[AnnotatorReport | RaterReport | CheckerReport]
    reports = [*answering, *rating, *checking]
    if as_json:
        print_json(json.loads(json.dumps([asdict(report) for report in reports])))
    elif not reports:
        say("Nobody has answered yet; run 'alignbench pull'.")
    else:
        if answering:
            print_table(
                [
                    *("annotator", "asked about", "answers", "skips", "s each", "per hour", "gold"),
                    *("right", "agree", "correct", "incorrect", "unknown", "no spans", "types"),
                    "look into",
                ],
                [_cells(report) for report in answering],
                fold=False,
            )
        if rating:
            headings = ("rater", "ratings", "skips", "s each", "mean", "gold", "off by", "shared")
            print_table([*headings, "above others"], [_rated_cells(one) for one in rating])
        if checking:
            headings = (
                "checker",
                "checks",
                "skips",
                "s each",
                "same",
                "different",
                "unknown",
                "gold",
            )
            print_table(
                [*headings, "right", "shared", "agree"], [_checked_cells(one) for one in checking]
            )


def add_annotators(
    context: typer.Context,
    emails: Annotated[list[str], typer.Argument(metavar="EMAIL", help="Their logins.")],
    as_json: Json = False,
) -> None:
    """Create accounts and print their passwords, once; no mail is sent."""
    use_local_services(context.obj)
    from alignbench.annotation.label_studio.accounts import create_annotator
    from alignbench.flows.asking.label_studio import annotation_server
    from alignbench.flows.runs.run import open_run

    server = annotation_server(open_run(context.obj.address))
    made: list[dict[str, str]] = []
    try:
        for email in emails:
            password = secrets.token_urlsafe(12)
            create_annotator(server.url, server.invitation(), email, password)
            made.append({"email": email, "password": password, "url": server.url})
    finally:
        # If one fails, the passwords of those made before it must not be lost.
        _show_credentials(made, as_json)


def adjudicate_push(
    context: typer.Context,
    below: Annotated[
        float,
        typer.Option("--below", min=0, max=1, help="Labels with less confidence are disputed."),
    ] = 0.6,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many.")] = None,
    as_json: Json = False,
) -> None:
    """Send disputed sentences to a project that shows the votes, without names."""
    use_local_services(context.obj)
    from alignbench.flows.adjudicate import adjudicate_push as flow
    from alignbench.flows.runs.orchestration import run_flow

    with context.obj.runs_shown(as_json=as_json):
        report = run_flow(flow, workspace=context.obj.address, limit=limit, below=below)
    if as_json:
        print_json(report.as_json())


def adjudicate_pull(context: typer.Context, as_json: Json = False) -> None:
    """Fetch the decisions; 'label' takes them as final."""
    use_local_services(context.obj)
    from alignbench.flows.pull import pull as flow
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.schemas.vocabulary import Purpose

    with context.obj.runs_shown(as_json=as_json):
        report = run_flow(flow, workspace=context.obj.address, purpose=Purpose.ADJUDICATE)
    if as_json:
        print_json(report.as_json())


def withdraw_image(
    context: typer.Context,
    image_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    reason: Reason = "",
) -> None:
    """Stop asking about an image, and leave it out of labels and new releases."""
    from alignbench.annotation.rounds.withdrawal import withdraw_image as withdraw

    done = _withdrawn(context.obj, withdraw, image_id, reason)
    say(f"Image {done.id} is withdrawn{'' if done.is_new else ' already'}.")
    say(f"Its bytes are still in {done.blob}, and in older releases.")
    say("Next: 'alignbench push' takes it from the annotators, then 'label' and 'release'.")


def withdraw_annotator(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="The annotator's e-mail address.")],
    reason: Reason = "",
) -> None:
    """Stop counting an annotator's answers, and erase what they say."""
    from alignbench.annotation.rounds.withdrawal import withdraw_annotator as withdraw

    done = _withdrawn(context.obj, withdraw, name, reason)
    say(f"{done.id} is withdrawn{'' if done.is_new else ' already'}; "
        f"{done.answers:,} answers were erased here.")  # fmt: skip
    say("Label Studio still has them: delete the account there if they must go too.")
    say("Next: 'alignbench push' for other annotators' answers, then 'label' and 'release'.")


def _withdrawn(context: Context, act: "_Act", key: str, reason: str) -> "Withdrawal":
    import uuid

    from alignbench.workspace.workspace import open_workspace

    workspace = open_workspace(context.workspace)
    # A pull that is running would not know, and write the answers again.
    with workspace.store.lock("pull"):
        return act(workspace, key, reason, uuid.uuid4().hex)


def _show_credentials(made: Sequence[dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json(list(made))
    elif made:
        print_table(["e-mail", "password", "log in at"], [tuple(row.values()) for row in made])
        say("The passwords are shown once and stored nowhere: hand them over now.")


def _cells(report: "AnnotatorReport") -> tuple[object, ...]:
    notes = [*(["excluded"] if report.withdrawn else []), *report.concerns]
    return (
        report.annotator,
        f"{report.unit}s",
        report.answers,
        report.skips,
        _number(report.median_seconds),
        _number(report.per_hour),
        report.gold_answers,
        _percent(report.gold_accuracy),
        _percent(report.agreement),
        *(_percent(share) for share in report.verdicts.values()),
        _percent(report.missing_spans),
        " ".join(f"{kind} {_percent(share)}" for kind, share in report.types.items()) or "-",
        ", ".join(notes) or "-",
    )


def _rated_cells(report: "RaterReport") -> tuple[object, ...]:
    return (
        report.annotator,
        report.ratings,
        report.skips,
        _number(report.median_seconds),
        _points(report.mean),
        report.gold_ratings,
        _points(report.gold_off_by),
        report.shared,
        _points(report.above_others),
    )


def _checked_cells(report: "CheckerReport") -> tuple[object, ...]:
    return (
        report.annotator,
        report.checks,
        report.skips,
        _number(report.median_seconds),
        *(_percent(share) for share in report.meanings.values()),
        report.gold_checks,
        _percent(report.gold_right),
        report.shared,
        _percent(report.agreement),
    )


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
