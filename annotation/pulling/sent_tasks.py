"""Which tasks of one project this workspace sent, and what they are about."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow.compute as pc

from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.validation import SentTask
from alignbench.annotation.rounds.forms import round_units
from alignbench.annotation.units.every import UNITS
from alignbench.annotation.units.unit import UnitContent
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import ROUND_SUGGESTIONS, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, TaskState

VOTES: Final = "votes"
"""What a decision began with: the marks of a vote."""


class SentTasks:
    """What this workspace sent to one project, by task and, for intents, by unit."""

    def __init__(self, project: Project, adjudicators: frozenset[str] | None = None) -> None:
        """Reads the project's tasks and what they were sent with.

        Args:
            project: The project.
            adjudicators: Who may decide; None if anybody may.
        """
        self._adjudicators = adjudicators
        workspace = project.workspace
        place = ("server", "project_id", "task_id")
        columns = [*place, "sentence_id", "round", "purpose", "assignee", "state"]
        tasks = workspace.table(TASKS).read(columns, project.filter())
        units = round_units(workspace)
        self._contents: dict[str, Mapping[str, UnitContent]] = {}
        for name in pc.unique(tasks["round"]).to_pylist():
            unit = UNITS[units.get(name, AnnotationUnit.SENTENCE)]
            ids = tasks.filter(pc.field("round") == name)["sentence_id"]
            self._contents[name] = unit.contents(workspace, name, ids)
        intents = tasks.filter(pc.is_null(tasks["task_id"]))
        # A server that was set back gives ids out again: what is confirmed stands before what went.
        order = [("task_id", "ascending"), ("state", "ascending")]
        confirmed = tasks.filter(pc.is_valid(tasks["task_id"])).sort_by(order)
        self._confirmed = confirmed.combine_chunks()
        self._task_ids = confirmed["task_id"].to_numpy()
        self._suggesting = {
            row.round: f"{row.detector} {row.detector_id[:8]}"
            for row in workspace.table(ROUND_SUGGESTIONS).rows()
        }
        self._intended = {row["sentence_id"]: self._sent(row) for row in intents.to_pylist()}

    def find(self, task_id: int, unit_id: object) -> SentTask | None:
        """Returns what was sent as this task.

        A push that was killed has left tasks on the server of which only the intent is known: they
        are recognised by the unit's id in their data.
        """
        row = int(np.searchsorted(self._task_ids, task_id))
        if row < len(self._task_ids) and self._task_ids[row] == task_id:
            return self._sent(self._confirmed.slice(row, 1).to_pylist()[0])
        return self._intended.get(unit_id) if isinstance(unit_id, str) else None

    def _sent(self, row: Mapping[str, str]) -> SentTask | None:
        content = self._contents[row["round"]].get(row["sentence_id"])
        if content is None:
            return None
        purpose = Purpose(row["purpose"])
        is_decision = purpose is Purpose.ADJUDICATE
        return SentTask(
            content,
            row["round"],
            purpose,
            VOTES if is_decision else self._suggesting.get(row["round"]),
            self._may_answer(row["assignee"], purpose),
        )

    def _may_answer(self, assignee: str | None, purpose: Purpose) -> frozenset[str] | None:
        if assignee is not None:
            return frozenset({assignee})
        return self._adjudicators if purpose is Purpose.ADJUDICATE else None


def retractions(project: Project) -> list[Task]:
    """Returns rows that say of all tasks of a project that they are gone."""
    were_there = project.filter() & (pc.field("state") != TaskState.INTENDED.value)
    return [
        replace(task, state=TaskState.INTENDED, version=task.version + 1)
        for task in project.workspace.table(TASKS).rows(were_there)
    ]
