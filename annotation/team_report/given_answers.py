"""The answers that a team has given, as columns."""

from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.tables import ANNOTATIONS
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AnnotationUnit,
    AnswerFlag,
    Purpose,
    Verdict,
    WithdrawnKind,
)
from alignbench.workspace.workspace import Workspace

_READ: Final = (
    "round", "annotator", "sentence_id", "purpose", "status", "verdict", "spans", "flags", "note",
    "lead_seconds", "annotated_at", "updated_at", "unit", "unit_id",
)  # fmt: skip


class GivenAnswers(NamedTuple):
    """The answers that are on the server, decisions of adjudicators left out.

    Attributes:
        all: Submitted and skipped ones: `round`, `annotator`, `sentence_id`, `purpose`, `status`,
            `verdict`, `spans`, `flags`, `note`, `lead_seconds`, `annotated_at`, `updated_at`, the
            `unit` that was asked about, its `unit_id` and the `day` (UTC) of `annotated_at`. An
            answer to a caption is a row for each sentence that it is believed about.
        out: Annotators whose answers do not count.
    """

    all: pa.Table
    out: frozenset[str]

    @property
    def submitted(self) -> pa.Table:
        """Those that are no skip."""
        is_submitted = pc.equal(self.all["status"], AnnotationStatus.SUBMITTED.value)
        return self.all.filter(is_submitted)

    @property
    def pages(self) -> pa.Table:
        """Each answer or skip once, also where it is to a whole caption.

        It has `round`, `annotator`, `unit_id`, `status`, `annotated_at`, `day`, and the
        `lead_seconds` that all of it took.
        """
        keys = ["round", "annotator", "unit_id", "status", "annotated_at", "day"]
        pages = self.all.group_by(keys).aggregate([("lead_seconds", "sum")])
        return pages.rename_columns([*keys, "lead_seconds"])

    def votes(self, purpose: Purpose) -> pa.Table:
        """Returns the newest answer of each person to each sentence that was put for a purpose."""
        own = self.submitted
        own = own.filter(pc.equal(own["purpose"], purpose.value))
        return newest(own, ["annotator", "sentence_id"])

    def counted(self, answers: pa.Table) -> pa.Table:
        """Returns those of the answers that are by people whose answers count."""
        out = pa.array(sorted(self.out), pa.string())
        return answers.filter(pc.invert(pc.is_in(answers["annotator"], value_set=out)))


def given_answers(workspace: Workspace) -> GivenAnswers:
    """Reads the answers of all rounds."""
    there = [AnnotationStatus.SUBMITTED.value, AnnotationStatus.SKIPPED.value]
    where = pc.field("status").isin(pa.array(there))
    where &= pc.field("purpose") != Purpose.ADJUDICATE.value
    answers = workspace.table(ANNOTATIONS).read(list(_READ), where).select(list(_READ))
    # Rows of earlier versions say nothing of a unit: it was the sentence.
    units = pc.fill_null(answers["unit"], AnnotationUnit.SENTENCE.value)
    unit_ids = pc.coalesce(answers["unit_id"], answers["sentence_id"])
    answers = answers.drop_columns(["unit", "unit_id"])
    answers = answers.append_column("unit", units).append_column("unit_id", unit_ids)
    answers = answers.append_column("day", pc.strftime(answers["annotated_at"], format="%Y-%m-%d"))
    out = withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist()
    return GivenAnswers(answers, frozenset(out))


def newest(answers: pa.Table, keys: list[str]) -> pa.Table:
    """Returns the answer of each key that was saved last."""
    if not len(answers):
        return answers
    answers = answers.sort_by([("updated_at", "descending")])
    answers = answers.append_column("place", pa.array(range(len(answers)), pa.int64()))
    first = answers.group_by(keys).aggregate([("place", "min")])["place_min"]
    return answers.take(first.combine_chunks().sort()).drop_columns(["place"])


def has_flag(answers: pa.Table, flag: AnswerFlag) -> pa.Array:
    """Returns whether each answer carries a flag."""
    return pa.array(
        [flag.value in (flags or ()) for flags in answers["flags"].to_pylist()], pa.bool_()
    )


def says_incorrect(answers: pa.Table) -> pa.ChunkedArray:
    """Returns whether each answer says that its sentence is wrong."""
    return pc.equal(answers["verdict"], Verdict.INCORRECT.value)
