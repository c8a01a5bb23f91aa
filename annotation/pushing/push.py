"""Sending units to Label Studio, so that each is there once whatever happens on the way.

    intents written ──▶ POST ──▶ confirmed rows written (by the caller)

A kill, or an answer that does not come, leaves open intents behind. They are settled before
anything is sent again: by `reconcile` at the start of a run, by `send` when it is called again. A
fence is asked before each step that cannot be taken back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from alignbench.annotation.label_studio.page import PROGRESS
from alignbench.annotation.label_studio.records import QUEUE_MARK, ProjectSettings
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pushing.image_delivery import Storage, image_delivery
from alignbench.annotation.pushing.ledger import Ledger, ProjectLedger
from alignbench.annotation.pushing.progress import QueueProgress
from alignbench.annotation.pushing.reconciliation import ReconciledProject, Reconciler
from alignbench.annotation.rounds.wording import note_wording
from alignbench.annotation.units.sentence import SentenceUnit
from alignbench.annotation.units.unit import ShownAnswers, Unit, UnitTask
from alignbench.schemas.fence import Fence, no_fence
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """What is sent where.

    Attributes:
        round: Name of the round.
        settings: How projects are set up; a second one gets its number behind the title.
        purpose: Why sentences are sent that do not say so themselves.
        assignee: The annotator whose project they go to; None if they are everybody's.
        unit: What is asked about at once.
        tasks_per_project: How many tasks a project takes before the next one is created.
        storage: How images reach the browser.
        stable_seconds: After an unclear answer, how long the number of tasks on the server must not
            change before those that are missing are sent again.
    """

    round: str
    settings: ProjectSettings
    purpose: Purpose = Purpose.LABEL
    assignee: str | None = None
    unit: Unit = field(default_factory=SentenceUnit)
    tasks_per_project: int = 50_000
    storage: Storage = "local"
    stable_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a reconciliation changed, in tasks.

    Attributes:
        confirmed: Had arrived without the workspace knowing.
        retracted: Had disappeared from the server; their sentences will be sent again.
        closed: Were there twice, unanswered, and are offered no more.
    """

    confirmed: int = 0
    retracted: int = 0
    closed: int = 0

    def __add__(self, other: "Reconciliation") -> "Reconciliation":
        """Returns what two of them changed together."""
        return Reconciliation(
            self.confirmed + other.confirmed,
            self.retracted + other.retracted,
            self.closed + other.closed,
        )


class Pusher:
    """Sends sentences of one round to one server.

    Only one may work on a round of a workspace at a time: hold the stage's lock.
    """

    def __init__(
        self,
        workspace: Workspace,
        server: LabelStudioServer,
        options: PushOptions,
        run_id: str,
        *,
        fence: Fence = no_fence,
    ) -> None:
        """Reads what was sent before.

        Args:
            workspace: Whose sentences; intents are written to its table `tasks`.
            server: Where they go.
            options: What is sent where.
            run_id: Stamped on the rows that are written here.
            fence: Asked right before each write and each request that changes the server; what it
                raises ends the call, with nothing more written or sent.

        Raises:
            ImageStorageError: The server cannot show this workspace's images.
        """
        self._workspace = workspace
        self._server = server
        self._options = options
        self._run_id = run_id
        self._fence = fence
        self._images = image_delivery(workspace.store, options.storage)
        self._ledger = Ledger(workspace, server.identity, options.round, options.assignee)
        self._reconciler = Reconciler(server, self._ledger, options.stable_seconds, fence)
        self._room: dict[int, int] = {}
        # Rows that a caller may ask for again, because it could not write them or did not know.
        self._reconciled: dict[str, Task] = {}
        self._last_sent: dict[str, Task] = {}

    def reconcile(self) -> Reconciliation:
        """Clears up what an earlier push left open, and writes what it finds to table `tasks`.

        Call it before working out what to send. A project is listed only if it has open
        intents or another number of tasks than is confirmed.

        Raises:
            MissingProjectError: A project with confirmed tasks is not on the server.
            AlignBenchError: The server cannot be asked.
        """
        confirmed = retracted = closed = 0
        for project_id in sorted(self._ledger.projects):
            if not self._reconciler.is_needed(project_id):
                continue
            result = self._reconcile(project_id)
            self._write(result.rows)
            self._reconciled.update((task.sentence_id, task) for task in result.confirmed)
            confirmed += len(result.confirmed)
            retracted += len(result.retracted)
            closed += len(result.closed)
        return Reconciliation(confirmed, retracted, closed)

    def projects(self) -> list[int]:
        """Returns the ids of the projects that have tasks of the round."""
        return [key for key, project in self._ledger.projects.items() if project.confirmed]

    def send(
        self,
        units: pa.Table,
        shown: Mapping[str, ShownAnswers] | None = None,
        progress: QueueProgress | None = None,
    ) -> list[Task]:
        """Sends units and returns a confirmed row for each, in order; the caller writes them.

        Called again with the same units, after an error or not, it sends only those that are not
        on the server.

        Args:
            units: As the unit gathers them; up to some thousand.
            shown: What their tasks show of how they may be answered, by sentence.
            progress: How far along each task says that its annotator is; None tells the round only.

        Raises:
            UnclearImportError: Whether they arrived is unknown; call it again.
            MissingImageError: A unit's image is not in the workspace; nothing was sent.
            AlignBenchError: The server refused the request.
        """
        unit, purpose = self._options.unit, self._options.purpose
        progress = progress or QueueProgress(self._options.round)
        tasks = [
            _telling(task, progress)
            for task in unit.tasks(units, self._images.address, purpose, shown or {})
        ]
        rows = self._already_there([task.unit_id for task in tasks])
        posted: dict[str, Task] = {}
        missing = [task for task in tasks if task.unit_id not in rows]
        for project_id, batch in self._placed(missing):
            posted.update(self._post(project_id, batch))
        # Only now: if a later POST failed, the next call must find the tasks of the earlier ones.
        self._delivered(posted)
        rows.update(posted)
        return [rows[task.unit_id] for task in tasks]

    def _already_there(self, sentence_ids: Sequence[str]) -> dict[str, Task]:
        """Gives the rows of those sentences that are on the server, as far as there is a doubt."""
        asked = set(sentence_ids)
        there = {
            sentence_id: task
            for rows in (self._reconciled, self._last_sent)
            for sentence_id, task in rows.items()
            if sentence_id in asked
        }
        for project_id, project in sorted(self._ledger.projects.items()):
            if project.open & asked - there.keys():
                result = self._reconcile(project_id)
                fresh = {task.sentence_id: task for task in result.confirmed}
                self._reconciled.update(fresh)
                there.update((key, task) for key, task in fresh.items() if key in asked)
                others = [task for task in result.confirmed if there.get(task.sentence_id) != task]
                self._write([*others, *result.retracted, *result.closed])
        return there

    def _reconcile(self, project_id: int) -> ReconciledProject:
        self._room.pop(project_id, None)
        return self._reconciler.reconcile(project_id)

    def _placed(self, tasks: Sequence[UnitTask]) -> Iterator[tuple[int, Sequence[UnitTask]]]:
        """Deals the tasks out: to the newest project as far as it has room, then to new ones."""
        start = 0
        while start < len(tasks):
            project_id = self._project_with_room()
            batch = tasks[start : start + self._room[project_id]]
            yield project_id, batch
            self._room[project_id] -= len(batch)
            start += len(batch)

    def _post(self, project_id: int, tasks: Sequence[UnitTask]) -> dict[str, Task]:
        purposes = {task.unit_id: task.purpose for task in tasks}
        self._write(self._ledger.intents(project_id, purposes))
        self._fence()
        task_ids = self._server.import_tasks(project_id, [task.task for task in tasks])
        return {
            unit_id: self._ledger.confirmed(project_id, task_id, unit_id, purpose)
            for (unit_id, purpose), task_id in zip(purposes.items(), task_ids, strict=True)
        }

    def _delivered(self, posted: dict[str, Task]) -> None:
        self._ledger.settle(posted)
        for task in posted.values():
            self._ledger.projects[task.project_id].confirmed += 1
        if posted:
            self._last_sent = posted

    def _project_with_room(self) -> int:
        newest = max(self._ledger.projects, default=None)
        if newest is None or self._room_in(newest) <= 0:
            return self._new_project()
        return newest

    def _room_in(self, project_id: int) -> int:
        if project_id not in self._room:
            counts = self._server.counts(project_id)
            if counts is None:
                return 0
            self._show_images(project_id)
            self._room[project_id] = self._options.tasks_per_project - counts.tasks
        return self._room[project_id]

    def _new_project(self) -> int:
        """Creates the round's next project, unless a run that was killed has just created it."""
        number = len(self._ledger.projects) + 1
        assignee = () if self._options.assignee is None else (self._options.assignee,)
        round_name = self._options.round
        # One that a killed run set up with other texts is not taken for one with these.
        wording = self._options.settings.wording
        of_texts = () if wording is None else (wording.guideline_id, wording.label_schema_id)
        marker = derive_id("project", self._workspace.url, round_name, number, *assignee, *of_texts)
        if assignee:
            marker = f"{QUEUE_MARK}{assignee[0]} {marker}"
        # Only an empty one: the same path and round may exist on another machine.
        unused = [
            project_id
            for project_id in self._server.empty_projects_with(marker)
            if project_id not in self._ledger.projects
        ]
        settings = _numbered(self._options.settings, number)
        if unused:
            project_id = unused[0]
        else:
            self._fence()
            project_id = self._server.create_project(settings, marker)
        if settings.wording is not None:
            self._fence()
            note_wording(
                self._workspace,
                self._server.identity,
                project_id,
                round_name,
                settings,
                self._run_id,
            )
        self._show_images(project_id)
        self._ledger.projects[project_id] = ProjectLedger()
        self._room[project_id] = self._options.tasks_per_project
        return project_id

    def _show_images(self, project_id: int) -> None:
        self._fence()
        self._images.allow(self._server, project_id)

    def _write(self, rows: Sequence[Task]) -> None:
        self._fence()
        self._workspace.table(TASKS).append(rows, self._run_id)


def _telling(task: UnitTask, progress: QueueProgress) -> UnitTask:
    data = task.task.data | {PROGRESS: progress.at(task.unit_id)}
    return task._replace(task=task.task._replace(data=data))


def _numbered(settings: ProjectSettings, number: int) -> ProjectSettings:
    return settings if number == 1 else settings.titled(f" {number}")
