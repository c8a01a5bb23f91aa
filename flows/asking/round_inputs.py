"""The inputs of push: every question of a round, in the order in which people get them.

A table of units has the id of each as `UNIT_ID`; table `tasks` has it as `sentence_id`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.asked import AskedUnits
from alignbench.annotation.assigning.kept_questions import KeptQuestions
from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.pushing.ordering import ordered_sentences, unordered_keys
from alignbench.annotation.pushing.progress import QueueProgress
from alignbench.annotation.rounds.members import RoundMembers, round_members
from alignbench.annotation.units.every import UNITS
from alignbench.annotation.units.unit import PURPOSE, UNIT_ID
from alignbench.engine.stage import StageInputs
from alignbench.flows.asking.question_units import QUESTION_UNITS
from alignbench.flows.runs.run import Run
from alignbench.flows.selected.sentences import current_selection
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, RoundForm, StageName, TaskState

ASSIGNEE = "assignee"


class RoundInputs(StageInputs):
    """The questions of a round; the key is unit, round and annotator.

    In a shared round there is no annotator in it. A unit that was put to nobody yet counts as one
    question.
    """

    name: ClassVar[StageName] = StageName.PUSH

    def __init__(
        self, run: Run, server: LabelStudioServer | None, form: Round, *, with_undealt: bool
    ) -> None:
        """Reads what is asked of whom.

        Args:
            run: Whose round.
            server: Where questions must be to be done; None counts what any server was sent.
            form: The round.
            with_undealt: Count units too that were put to nobody yet.
        """
        self._run = run
        self._server_identity = None if server is None else server.identity
        self._form = form
        self._unit = UNITS[form.unit]
        self._members = round_members(run.workspace, form.round, form.unit)
        self._selection = current_selection(run)
        self._with_undealt = with_undealt
        self._is_shared = form.form is RoundForm.SHARED
        self._questions = KeptQuestions(RoundQuestions(run.workspace, form.round))

    @property
    def round_name(self) -> str:
        """The round."""
        return self._form.round

    def inputs(self, keys_only: bool) -> Iterator[pa.Table]:
        """Yields the round's questions, those of one person image by image."""
        if self._form.unit.is_of_questions:
            units = QUESTION_UNITS[self._form.unit].units(self._run, self._form.round)
            yield from self._of_each(self._unit.gathered(units))
            return
        where = self._members.filter(self._selection)
        if keys_only:
            yield from self._keys_of(where)
            return
        for sentences in ordered_sentences(self._run.workspace, where):
            sentences = sentences.append_column(PURPOSE, _purposes(sentences, self._members))
            yield from self._of_each(self._unit.gathered(sentences))

    def _keys_of(self, where: pc.Expression) -> Iterator[pa.Table]:
        """Yields the questions without texts; a sentence that is a unit alone, in any order."""
        is_alone = self._unit.kind is AnnotationUnit.SENTENCE
        keys = (
            unordered_keys(self._run.workspace, where)
            if is_alone
            else ordered_sentences(self._run.workspace, where, keys_only=True)
        )
        for some in keys:
            yield from self._of_each(self._unit.gathered(some))

    def done(self) -> pa.Table:
        """Returns the questions that are on the server, or answered wherever they were."""
        tasks = self._done_questions()
        if not len(tasks):
            return pa.table({"key": pa.array([], pa.string()), "scope": pa.array([], pa.string())})
        known = tasks.join(self._unit.generators(self._run.workspace), "sentence_id", UNIT_ID)
        keys = self._keys(known["sentence_id"], known[ASSIGNEE])
        return pa.table({"key": keys, "scope": known["generator_id"]})

    def progress(self) -> Mapping[str, QueueProgress]:
        """Returns how far along everybody is before anything is sent; empty in a shared round."""
        if self._is_shared:
            return {}
        counts = pc.value_counts(self._done_questions()[ASSIGNEE]).to_pylist()
        sent = {count["values"]: count["counts"] for count in counts}
        return {
            name: QueueProgress(self._form.round, sent=sent.get(name, 0), total=total)
            for name, total in self._questions.counts().items()
        }

    def _done_questions(self) -> pa.Table:
        """Returns unit, as `sentence_id`, and assignee of what needs not be sent."""
        sent = pc.field("state") == TaskState.CONFIRMED.value
        sent &= pc.field("round") == self._form.round
        if self._server_identity is not None:
            sent &= pc.field("server") == self._server_identity
        columns = ["sentence_id", "server", "round", "state", ASSIGNEE]
        tasks = self._run.workspace.table(TASKS).read(columns, sent)
        tasks = tasks.group_by(["sentence_id", ASSIGNEE]).aggregate([])
        return tasks if self._is_shared else self._questions.done(tasks)

    def assignees(self) -> Sequence[str | None]:
        """Returns who has been asked something; None where all answer in one project."""
        return [None] if self._is_shared else self._questions.holders

    def _of_each(self, units: pa.Table) -> Iterator[pa.Table]:
        """Yields the units with key, scope and assignee: once for each who is asked."""
        if self._is_shared:
            yield self._keyed(units, None)
            return
        for assignee, rows in self._questions.of_each(units[UNIT_ID]):
            yield self._keyed(units.take(rows), assignee)
        if self._with_undealt:
            undealt = ~self._questions.is_dealt(units[UNIT_ID])
            yield self._keyed(units.filter(pa.array(undealt)), None)

    def _keyed(self, units: pa.Table, assignee: str | None) -> pa.Table:
        to = pa.chunked_array([pa.array([assignee] * len(units), pa.string())])
        units = units.append_column(ASSIGNEE, to)
        units = units.append_column("key", self._keys(units[UNIT_ID], to))
        return units.append_column("scope", units["generator_id"])

    def _keys(self, units: pa.ChunkedArray, assignees: pa.ChunkedArray) -> pa.ChunkedArray:
        """What failed in one round is no failure of the next."""
        common = pc.binary_join_element_wise(units, self._form.round, ":")
        own = pc.binary_join_element_wise(common, assignees, ":")
        return pc.coalesce(own, common)


def asked_units(run: Run, form: Round) -> AskedUnits:
    """Returns the units of a round."""
    if form.unit.is_of_questions:
        return AskedUnits.of(QUESTION_UNITS[form.unit].asked(run, form.round))
    return AskedUnits(_asked_sentences(run, form))


def _asked_sentences(run: Run, form: Round) -> Iterator[pa.Table]:
    members = round_members(run.workspace, form.round, form.unit)
    where = members.filter(current_selection(run))
    for sentences in ordered_sentences(run.workspace, where, keys_only=True):
        sentences = sentences.append_column(PURPOSE, _purposes(sentences, members))
        yield UNITS[form.unit].gathered(sentences)


def _purposes(sentences: pa.Table, members: RoundMembers) -> pa.ChunkedArray:
    is_gold = pc.is_in(sentences["sentence_id"], value_set=members.gold)
    return pc.if_else(is_gold, Purpose.GOLD.value, Purpose.LABEL.value)
