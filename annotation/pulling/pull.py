"""Bringing the annotators' answers into the tables: an upsert of what the server changed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow.compute as pc

from alignbench.annotation.errors import MissingProjectError, TooManyDeletionsError
from alignbench.annotation.label_studio.records import ProjectCounts
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pulling.known_answers import (
    KnownAnswers,
    retired_answers,
    retired_doubts,
)
from alignbench.annotation.pulling.project_pull import COMMIT_ANSWERS, PulledProject, pull_project
from alignbench.annotation.pushing.ledger import check_server, retractions
from alignbench.schemas.tables import ANNOTATIONS, QUARANTINE, TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState
from alignbench.workspace.workspace import Workspace

OVERLAP = timedelta(minutes=1)
"""How far a pull looks back: longer than a server takes to save, or its clock is set back."""
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
    """

    new: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """How many answers were written; 0 if nothing had happened."""
        return self.new + self.updated + self.deleted


def pull(
    workspace: Workspace,
    server: LabelStudioServer,
    run_id: str,
    accept_deletions: bool = False,
    overlap: timedelta = OVERLAP,
    purpose: Purpose | None = None,
) -> PullReport:
    """Pulls what annotators did since the last pull, in every project of table `tasks`.

    Args:
        workspace: Whose answers.
        server: Where they are.
        run_id: Stamped on the rows.
        accept_deletions: Go on where answers have disappeared: they count as deleted, and the
            sentences of a project that has disappeared count as not sent. Answers that were pulled
            from another server stay as they are.
        overlap: How far to look back from the last pull.
        purpose: Only projects with tasks that were sent for this.

    Raises:
        OtherServerError: All tasks are on another server.
        MissingProjectError: A project is not there.
        TooManyDeletionsError: More than 1 % of the answers have been deleted. What is new has been
            written, deletions have not.
        AlignBenchError: The server cannot be asked.
    """
    present, missing = _projects(workspace, server, accept_deletions, purpose)
    annotators = server.annotators()
    pulled = [
        pull_project(workspace, server, project_id, counts, annotators, overlap, run_id)
        for project_id, counts in present.items()
    ]
    deletions = {project.project_id: project.deletions for project in pulled}
    if not accept_deletions:
        _check_deletions(server, pulled)
    for project_id in missing:
        deletions[project_id] = _all_deleted(workspace, server.identity, project_id)
    for project_id, versions in deletions.items():
        _write_deletions(workspace, server.identity, project_id, versions, run_id)
    for project_id in missing:
        gone = retractions(workspace, server.identity, project_id)
        workspace.table(TASKS).append(gone, run_id)
    return _report(pulled, deleted=sum(map(len, deletions.values())))


def _projects(
    workspace: Workspace,
    server: LabelStudioServer,
    accept_deletions: bool,
    purpose: Purpose | None,
) -> tuple[dict[int, ProjectCounts], list[int]]:
    """Gives the projects that are on the server with what they hold, and those that should be."""
    tasks = workspace.table(TASKS).read(["server", "project_id", "state", "purpose"])
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
    projects = sorted(pc.unique(ours["project_id"]).to_pylist())
    counted = {project_id: server.counts(project_id) for project_id in projects}
    present = {project_id: counts for project_id, counts in counted.items() if counts is not None}
    missing = sorted(set(pc.unique(sent).to_pylist()) - set(present))
    if missing and not accept_deletions:
        raise MissingProjectError(
            f"Project {missing[0]} is not on Label Studio at {server.url}.",
            "If it was deleted on purpose, pull with --accept-deletions: its answers then count as "
            "deleted and its sentences as not sent.",
        )
    return present, missing


def _check_deletions(server: LabelStudioServer, pulled: list[PulledProject]) -> None:
    deleted = sum(len(project.deletions) for project in pulled)
    known = sum(project.known for project in pulled)
    if deleted > MAX_DELETED_SHARE * known:
        raise TooManyDeletionsError(
            f"{deleted:,} of {known:,} answers are no longer on Label Studio at {server.url}, more "
            f"than {MAX_DELETED_SHARE:.0%}.",
            "Nothing of them has been touched here. If they were deleted on purpose, pull with "
            "--accept-deletions; they then count no more.",
        )


def _all_deleted(workspace: Workspace, server: str, project_id: int) -> dict[int, datetime]:
    known = KnownAnswers(workspace, server, project_id)
    answers = [answer_id for task in known.answered_tasks() for answer_id in known.live(task)]
    return {answer_id: known.note_deletion(answer_id) for answer_id in answers}


def _write_deletions(
    workspace: Workspace, server: str, project_id: int, versions: dict[int, datetime], run_id: str
) -> None:
    answers = list(versions)
    for start in range(0, len(answers), COMMIT_ANSWERS):
        some = {answer_id: versions[answer_id] for answer_id in answers[start:][:COMMIT_ANSWERS]}
        doubts = list(retired_doubts(workspace, server, project_id, some))
        workspace.table(QUARANTINE).append(doubts, run_id)
        rows = list(retired_answers(workspace, server, project_id, some))
        workspace.table(ANNOTATIONS).append(rows, run_id)


def _report(pulled: list[PulledProject], deleted: int) -> PullReport:
    quarantined: dict[str, int] = {}
    for project in pulled:
        for code, count in project.quarantined.items():
            quarantined[code] = quarantined.get(code, 0) + count
    return PullReport(
        new=sum(project.new for project in pulled),
        updated=sum(project.updated for project in pulled),
        deleted=deleted,
        unchanged=sum(project.unchanged for project in pulled),
        quarantined=quarantined,
    )
