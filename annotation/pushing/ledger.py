"""What table `tasks` knows of one round on one server: what is confirmed, what is unsettled.

An intent is a row without a task id, written before its sentence is sent. It is settled once any
row of its sentence is confirmed in the round; until then nobody knows whether the sentence arrived.
A confirmed task that has disappeared from the server gets a newer row in state `intended`, so that
its sentence counts as not sent. A task whose sentence is there twice is `closed`: it stays on the
server, since somebody may have it open, and is offered no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState
from alignbench.workspace.tables.keys import KeySet
from alignbench.workspace.workspace import Workspace

_CONFIRMED = pc.field("state") == TaskState.CONFIRMED.value
_CLOSED = pc.field("state") == TaskState.CLOSED.value
_INTENDED = pc.field("state") == TaskState.INTENDED.value


def pushed_keys(workspace: Workspace, server: str, round_name: str) -> KeySet:
    """Returns the ids of the sentences that are confirmed in a round: the done-keys of push.

    Args:
        workspace: Whose tasks.
        server: Identity of the server, as in `LabelStudioServer.identity`.
        round_name: The round.
    """
    where = _of_round(server, round_name) & _CONFIRMED
    filtered = ["server", "round", "state"]
    return workspace.table(TASKS).keys("sentence_id", where=where, filter_columns=filtered)


@dataclass
class ProjectLedger:
    """One project of the round.

    Attributes:
        confirmed: How many tasks of it are confirmed.
        closed: How many are closed, since their sentence is there a second time.
        open: Sentences with an intent in it that is not settled.
        has_doubles: Whether a sentence is confirmed in it that is confirmed a second time, there
            or in another project: two runs may have sent it at once.
    """

    confirmed: int = 0
    closed: int = 0
    open: set[str] = field(default_factory=set)
    has_doubles: bool = False

    @property
    def there(self) -> int:
        """How many tasks the server has, as far as is known."""
        return self.confirmed + self.closed


class Ledger:
    """The tasks of one round on one server: everybody's, or those of one annotator.

    It follows what the pusher tells it.

    Attributes:
        server: Identity of the server.
        round: The round.
        assignee: The annotator whose tasks these are; None for those that are everybody's.
        projects: The round's projects by id.
        version: Version of rows that are written next; higher than that of any row there is.
    """

    def __init__(
        self, workspace: Workspace, server: str, round_name: str, assignee: str | None = None
    ) -> None:
        """Reads table `tasks`."""
        self.server = server
        self.round = round_name
        self.assignee = assignee
        self._table = workspace.table(TASKS)
        self._where = _of_round(server, round_name) & _assigned_to(assignee)
        self.projects: dict[int, ProjectLedger] = {}
        columns = ["server", "round", "assignee", "project_id", "sentence_id", "state", "version"]
        tasks = self._table.read(columns, self._where)
        self.version = 1 + (pc.max(tasks["version"]).as_py() or 0)
        self._count(tasks)

    def _count(self, tasks: pa.Table) -> None:
        confirmed, intents = tasks.filter(_CONFIRMED), tasks.filter(_INTENDED)
        for project_id in pc.unique(tasks["project_id"]).to_pylist():
            self.projects[project_id] = ProjectLedger()
        for counted in pc.value_counts(confirmed["project_id"]).to_pylist():
            self.projects[counted["values"]].confirmed = counted["counts"]
        for counted in pc.value_counts(tasks.filter(_CLOSED)["project_id"]).to_pylist():
            self.projects[counted["values"]].closed = counted["counts"]
        for project_id in _with_doubles(confirmed):
            self.projects[project_id].has_doubles = True
        settled = KeySet(confirmed["sentence_id"]).contains(intents["sentence_id"])
        unsettled = intents.filter(pc.invert(settled))
        places = (unsettled[name].to_pylist() for name in ("project_id", "sentence_id"))
        for project_id, sentence_id in zip(*places, strict=True):
            self.projects[project_id].open.add(sentence_id)

    def intents(self, project_id: int, purposes: Mapping[str, Purpose]) -> list[Task]:
        """Returns the intents that must be written before sentences are sent, as open.

        Args:
            project_id: Where they are sent.
            purposes: Why each of them is sent, by its id.
        """
        opened = self.projects.setdefault(project_id, ProjectLedger()).open
        new = {sentence: why for sentence, why in purposes.items() if sentence not in opened}
        opened.update(new)
        return [self._row(project_id, None, sentence, why) for sentence, why in new.items()]

    def confirmed(self, project_id: int, task_id: int, sentence_id: str, purpose: Purpose) -> Task:
        """Returns the row of a task that is on the server."""
        return self._row(project_id, task_id, sentence_id, purpose, TaskState.CONFIRMED)

    def retracted(self, project_id: int, task_id: int, sentence_id: str, purpose: Purpose) -> Task:
        """Returns the row of a task that was on the server and is no longer."""
        return self._row(project_id, task_id, sentence_id, purpose)

    def closed(self, project_id: int, task_id: int, sentence_id: str, purpose: Purpose) -> Task:
        """Returns the row of a task that is on the server and offered no more."""
        return self._row(project_id, task_id, sentence_id, purpose, TaskState.CLOSED)

    def settle(self, sentence_ids: Iterable[str]) -> None:
        """Notes that these sentences are confirmed somewhere."""
        settled = set(sentence_ids)
        for project in self.projects.values():
            project.open -= settled

    def tasks_of(self, project_id: int) -> pa.Table:
        """Returns `task_id`, `sentence_id`, `purpose` and `state` of all rows of a project."""
        wanted = ["task_id", "sentence_id", "purpose", "state"]
        where = self._where & (pc.field("project_id") == project_id)
        columns = ["server", "round", "assignee", "project_id", *wanted]
        return self._table.read(columns, where).select(wanted)

    def confirmed_elsewhere(self, project_id: int, sentence_ids: Sequence[str]) -> set[str]:
        """Returns which of the sentences are confirmed in another project of the round."""
        ours = pc.field("sentence_id").isin(pa.array(sentence_ids, pa.string()))
        where = self._where & _CONFIRMED & (pc.field("project_id") != project_id) & ours
        columns = ["server", "round", "assignee", "project_id", "state", "sentence_id"]
        return set(self._table.read(columns, where)["sentence_id"].to_pylist())

    def _row(
        self,
        project_id: int,
        task_id: int | None,
        sentence_id: str,
        purpose: Purpose,
        state: TaskState = TaskState.INTENDED,
    ) -> Task:
        return Task(
            server=self.server,
            project_id=project_id,
            task_id=task_id,
            sentence_id=sentence_id,
            round=self.round,
            purpose=purpose,
            state=state,
            version=self.version,
            assignee=self.assignee,
        )


def _with_doubles(confirmed: pa.Table) -> list[int]:
    """Returns the projects in which a sentence is confirmed that is confirmed more than once."""
    counts = pc.value_counts(confirmed["sentence_id"].combine_chunks())
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    doubles = confirmed.filter(pc.is_in(confirmed["sentence_id"], twice))
    found: list[int] = pc.unique(doubles["project_id"]).to_pylist()
    return found


def _of_round(server: str, round_name: str) -> pc.Expression:
    return (pc.field("server") == server) & (pc.field("round") == round_name)


def _assigned_to(assignee: str | None) -> pc.Expression:
    return pc.field("assignee").is_null() if assignee is None else pc.field("assignee") == assignee
