"""`annotators`: who works on the rounds that are under way, and where."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alignbench.cli.rounds import checked_round
from alignbench.terminal.context import Context, use_local_services
from alignbench.terminal.output import TerminalProgress, print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.workspace.workspace import Workspace

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The annotator.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept on record.")]


def register(people: typer.Typer) -> None:
    """Adds the verbs."""
    people.command("links")(links)
    people.command("hand-over")(hand_over)
    people.command("pause")(pause)
    people.command("resume")(resume)
    people.command("exclude")(exclude)


def links(
    context: typer.Context,
    round_name: Annotated[
        str | None, typer.Option("--round", help="The round; else the configuration's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show where each annotator answers, and how much is left, as of the last pull."""
    use_local_services(context.obj)
    from alignbench.flows.team.queues import round_queues

    queues = round_queues(context.obj.address, checked_round(round_name))
    if as_json:
        print_json([queue._asdict() for queue in queues])
    elif not queues:
        say("Nobody has been asked anything in this round; run 'alignbench push'.")
    else:
        print_table(
            ["annotator", f"open {queues[0].unit}s", "answered", "skipped", "answers at"],
            [
                (
                    f"{queue.annotator}{' (paused)' if queue.paused else ''}",
                    queue.open,
                    queue.answered,
                    queue.skipped,
                    queue.address or "-",
                )
                for queue in queues
            ],
            fold=False,
        )


def hand_over(
    context: typer.Context,
    giver: Annotated[str, typer.Argument(metavar="FROM", help="Whose work it is.")],
    takers: Annotated[
        list[str] | None, typer.Argument(metavar="TO", help="Who does it; else everybody.")
    ] = None,
) -> None:
    """Put what an annotator has not begun to others."""
    use_local_services(context.obj)
    from alignbench.flows.runs.watching import shown_by
    from alignbench.flows.team.people import hand_over_work

    with shown_by(TerminalProgress()):
        moved = hand_over_work(context.obj.address, giver, takers or ())
    say(f"{moved:,} questions were handed over; what {giver} has begun, or comes next, stays.")


def pause(context: typer.Context, name: Email) -> None:
    """Give an annotator no more work, and what they have not begun to others."""
    _act(context.obj, "pause", name)
    say(f"{name} pauses, and keeps what is begun. 'alignbench annotators resume' ends it.")


def resume(context: typer.Context, name: Email) -> None:
    """Give an annotator work again: a share of what others have not begun."""
    _act(context.obj, "resume", name)
    say(f"{name} gets work again.")


def exclude(
    context: typer.Context,
    name: Email,
    reason: Reason = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Count their answers again, and give them work.")
    ] = False,
) -> None:
    """Stop counting an annotator's answers, and put their questions to others."""
    from alignbench.workspace.workspace import open_workspace

    workspace = open_workspace(context.obj.workspace)
    # A pull that is running would not know, nor would a push.
    with workspace.store.lock("push"), workspace.store.lock("pull"):
        told = _readmitted(workspace, name) if undo else _excluded(workspace, name, reason)
    say(told)
    if _push_where_there_is_a_server(context.obj, name):
        say("Next: 'alignbench label'.")
    else:
        say("Next: 'alignbench push', which puts their questions to others, then 'label'.")


def _excluded(workspace: "Workspace", name: str, reason: str) -> str:
    import uuid

    from alignbench.annotation.rounds.withdrawal import exclude_annotator

    done = exclude_annotator(workspace, name, reason, uuid.uuid4().hex)
    return (
        f"{done.id} is excluded{'' if done.is_new else ' already'}: their answers are kept but no "
        "longer count."
    )


def _readmitted(workspace: "Workspace", name: str) -> str:
    import uuid

    from alignbench.annotation.rounds.withdrawal import readmit_annotator

    return f"{readmit_annotator(workspace, name, uuid.uuid4().hex).id} counts again."


def _push_where_there_is_a_server(context: Context, name: str) -> bool:
    use_local_services(context)
    from alignbench.flows.asking.label_studio import server_address
    from alignbench.flows.runs.run import open_run
    from alignbench.flows.runs.watching import shown_by
    from alignbench.flows.team.people import push_open_rounds

    url, token = server_address(open_run(context.address).config.annotation.url)
    if not (url and token):
        return False
    with shown_by(TerminalProgress()):
        push_open_rounds(context.address, asked=name.lower())
    return True


def _act(context: Context, verb: Literal["pause", "resume"], name: str) -> None:
    use_local_services(context)  # before anything imports Prefect
    from alignbench.flows.runs.watching import shown_by
    from alignbench.flows.team import people

    with shown_by(TerminalProgress()):
        (people.pause if verb == "pause" else people.resume)(context.address, name)
