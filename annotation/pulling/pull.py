"""Bringing the annotators' answers into the tables: an upsert of what the server changed."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow.compute as pc

from alignbench.annotation.errors import (
    MissingProjectError,
    SetBackServerError,
    TooManyDeletionsError,
)
from alignbench.annotation.label_studio.records import ProjectCounts
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import Project, check_server, projects_of
from alignbench.annotation.pulling.known_answers import (
    KnownAnswers,
    retired_answers,
    retired_doubts,
)
from alignbench.annotation.pulling.project_pull import (
    COMMIT_ANSWERS,
    PulledProject,
    PullRun,
    pull_project,
)
from alignbench.annotation.pulling.sent_tasks import retractions
from alignbench.annotation.pulling.set_back import kept_answers, was_set_back
from alignbench.annotation.rounds.withdrawal import withdrawn_annotators
from alignbench.schemas.tables import QUARANTINE, TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState
from alignbench.workspace.workspace import Workspace

LOOK_BACK = timedelta(minutes=1)
"""How far a pull goes back before the last one.

Longer than a server takes to save a change, or than its clock is ever set back.
"""
MAX_DELETED_SHARE = 0.01
"""Above this share of the known answers, deletions must be accepted."""


@dataclass(frozen=True)
class PullReport:
    """What a pull found, in answers.

    Attributes:
        new: Written for the first time.
        updated: Known, and written again because they were changed.
        deleted: Gone from the server since.
        unchanged: Read again and found as they were.
        quarantined: Of the new and updated ones those that went to quarantine, by code.
        written_to: Of all that were written, those that did not, by table.
    """

    new: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    written_to: dict[str, int] = field(default_factory=dict, compare=False)

    @property
    def written(self) -> int:
        """How many answers were written; 0 if nothing had happened."""
        return self.new + self.updated + self.deleted


def pull(
    workspace: Workspace,
    server: LabelStudioServer,
    run_id: str,
    accept_deletions: bool = False,
    look_back: timedelta = LOOK_BACK,
    purpose: Purpose | None = None,
    *,
    keep_answers: bool = False,
    adjudicators: frozenset[str] | None = None,
) -> PullReport:
    """Pulls what annotators did since the last pull, in every project of table `tasks`.

    Args:
        workspace: Whose answers.
        server: Where they are.
        run_id: Stamped on the rows.
        accept_deletions: Carry on where answers have disappeared: they count as deleted, and the
            sentences of a project that has disappeared count as not sent. Answers that were pulled
            from another server stay as they are.
        look_back: How far to go back before the last pull.
        purpose: Only projects with tasks that were sent for this.
        keep_answers: Carry on where a project has disappeared, or the server's database was set
            back: what is not there counts as not sent, and the answers that were pulled stay.
        adjudicators: Who may decide what is disputed: others' answers there go to quarantine. None
            lets anybody.

    Raises:
        OtherServerError: All tasks are on another server.
        MissingProjectError: A project is not there.
        SetBackServerError: The server's database is older than answers pulled from it.
        TooManyDeletionsError: More than 1 % of the answers have been deleted. What is new has been
            written, deletions have not.
        AlignBenchError: The server cannot be asked.
    """
    present, missing = _projects(
        workspace, server, accept_deletions, purpose, keep_answers=keep_answers
    )
    run = PullRun(
        server=server,
        annotators=server.annotators(),
        withdrawn=withdrawn_annotators(workspace),
        look_back=look_back,
        run_id=run_id,
        adjudicators=adjudicators,
    )
    pulled = {project: pull_project(run, project, counts) for project, counts in present.items()}
    deletions = {project: result.deletions for project, result in pulled.items()}
    kept: list[Project] = []
    if not accept_deletions and _too_many(pulled.values()):
        kept = [p for p, missing_here in deletions.items() if was_set_back(server, p, missing_here)]
        _check_deletions(server, pulled, kept, keep_answers=keep_answers)
    for project in kept:
        answers = list(kept_answers(project, deletions.pop(project)))
        workspace.table(project.answers).append(answers, run_id)
    if not keep_answers:
        deletions |= {project: _all_deleted(project) for project in missing}
    for project, versions in deletions.items():
        _write_deletions(project, versions, run_id)
    for project in missing:
        workspace.table(TASKS).append(retractions(project), run_id)
    return _report(pulled, {project: len(gone) for project, gone in deletions.items()})


def _projects(
    workspace: Workspace,
    server: LabelStudioServer,
    accept_deletions: bool,
    purpose: Purpose | None,
    *,
    keep_answers: bool,
) -> tuple[dict[Project, ProjectCounts], list[Project]]:
    """Gives the projects that are on the server with what they hold, and those that should be."""
    tasks = workspace.table(TASKS).read(["server", "project_id", "state", "purpose", "round"])
    if not accept_deletions:
        fix = (
            "If that is gone for good, pull with --accept-deletions: the answers pulled from it "
            "stay as they are."
        )
        check_server(workspace, tasks, server.identity, server.url, fix)
    only = pc.field("server") == server.identity
    if purpose is not None:
        only &= pc.field("purpose") == purpose.value
    ours = tasks.filter(only)
    sent = ours.filter(pc.equal(ours["state"], TaskState.CONFIRMED.value))["project_id"]
    counted = {
        project: server.counts(project.project_id)
        for project in projects_of(workspace, server.identity, ours)
    }
    present = {project: counts for project, counts in counted.items() if counts is not None}
    with_tasks = set(pc.unique(sent).to_pylist())
    missing = [
        project
        for project, counts in counted.items()
        if counts is None and project.project_id in with_tasks
    ]
    if missing and not (accept_deletions or keep_answers):
        raise MissingProjectError(
            f"Project {missing[0].project_id} is not on Label Studio at {server.url}.",
            "Pull with --keep-answers to keep the answers that were pulled from it, or with "
            "--accept-deletions if they are to count as deleted; either way what is not answered "
            "is sent again by the next push.",
        )
    return present, missing


def _too_many(pulled: Collection[PulledProject]) -> bool:
    deleted = sum(len(project.deletions) for project in pulled)
    return deleted > MAX_DELETED_SHARE * sum(project.known for project in pulled)


def _check_deletions(
    server: LabelStudioServer,
    pulled: Mapping[Project, PulledProject],
    set_back: Collection[Project],
    *,
    keep_answers: bool,
) -> None:
    lost = sum(len(pulled[project].deletions) for project in set_back)
    if set_back and not keep_answers:
        raise SetBackServerError(
            f"The database of Label Studio at {server.url} is older than the answers pulled from "
            f"it: {lost:,} of them are missing there, as after a backup was restored.",
            "They have been left as they were here. Pull with --keep-answers to keep them; the "
            "next push sends again what is not answered. If their tasks were deleted on purpose, "
            "pull with --accept-deletions.",
        )
    others = [result for project, result in pulled.items() if project not in set_back]
    if _too_many(others):
        deleted = sum(len(project.deletions) for project in others)
        known = sum(project.known for project in others)
        raise TooManyDeletionsError(
            f"{deleted:,} of {known:,} answers are no longer on Label Studio at {server.url}, more "
            f"than {MAX_DELETED_SHARE:.0%}.",
            "They have been left as they were here. If they were deleted on purpose, pull with "
            "--accept-deletions; they then no longer count.",
        )


def _all_deleted(project: Project) -> dict[int, datetime]:
    known = KnownAnswers(project)
    answers = [answer_id for task in known.answered_tasks() for answer_id in known.live(task)]
    return {answer_id: known.note_deletion(answer_id) for answer_id in answers}


def _write_deletions(project: Project, versions: dict[int, datetime], run_id: str) -> None:
    workspace = project.workspace
    answers = list(versions)
    for start in range(0, len(answers), COMMIT_ANSWERS):
        some = {answer_id: versions[answer_id] for answer_id in answers[start:][:COMMIT_ANSWERS]}
        doubts = list(retired_doubts(project, some))
        workspace.table(QUARANTINE).append(doubts, run_id)
        rows = list(retired_answers(project, some))
        workspace.table(project.answers).append(rows, run_id)


def _report(pulled: Mapping[Project, PulledProject], deleted: Mapping[Project, int]) -> PullReport:
    quarantined, written = Counter[str](), Counter[str]()
    for project, count in deleted.items():
        written[project.answers.name] += count
    for project, result in pulled.items():
        quarantined.update(result.quarantined)
        fresh = result.new + result.updated - sum(result.quarantined.values())
        written[project.answers.name] += fresh
    return PullReport(
        new=sum(result.new for result in pulled.values()),
        updated=sum(result.updated for result in pulled.values()),
        deleted=sum(deleted.values()),
        unchanged=sum(result.unchanged for result in pulled.values()),
        quarantined=dict(quarantined),
        written_to={name: count for name, count in written.items() if count},
    )
