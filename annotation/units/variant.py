"""A question in other words as a unit: one key says whether it means the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.rating_page import HISTORY, QUESTION
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.label_studio.variant_page import (
    MEANING,
    VARIANT,
    variant_config,
    variant_guidelines,
    variant_schema_id,
)
from alignbench.annotation.units.checked_variants import CheckedVariant, variants_with_questions
from alignbench.annotation.units.given import AnswerRow, Doubtful, GivenAnswer, chosen_choices
from alignbench.annotation.units.shown_questions import question_tasks, shown_fields
from alignbench.annotation.units.unit import UNIT_ID, ImageAddress, ShownAnswers, UnitTask
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.rows.questions import VariantCheck
from alignbench.schemas.tables import VARIANTS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, Meaning, Purpose
from alignbench.workspace.workspace import Workspace

_SHOWN: Final = (HISTORY, QUESTION, VARIANT)


@dataclass(frozen=True, slots=True)
class VariantContent:
    """A question in other words that was sent to be checked."""

    variant: CheckedVariant

    def shown(self) -> Mapping[str, str]:
        """Returns the fields that the task must still have as they were sent."""
        one = self.variant
        texts = {HISTORY: one.history, QUESTION: one.question, VARIANT: one.text}
        return shown_fields(one.variant_id, texts, one.text)

    def rows(self, given: GivenAnswer) -> list[AnswerRow | QuarantinedAnnotation]:
        """Reads an answer into the row of what it says.

        Raises:
            Doubtful: It does not say whether both mean the same, or says several things.
        """
        return [
            VariantCheck(
                server=given.server,
                project_id=given.project_id,
                annotation_id=given.annotation_id,
                variant_id=self.variant.variant_id,
                task_id=given.task_id,
                round=given.round,
                purpose=given.purpose,
                annotator=given.annotator,
                meaning=None if given.skipped else _meaning(given),
                reason=given.note,
                status=AnnotationStatus.SKIPPED if given.skipped else AnnotationStatus.SUBMITTED,
                flags=given.flags,
                updated_by=given.updated_by,
                text_sha256=text_sha256(self.variant.text),
                lead_seconds=given.lead_seconds,
                annotated_at=given.annotated_at,
                updated_at=given.updated_at,
            )
        ]


class VariantUnit:
    """One question in other words at a time, beside the one that it was written from."""

    @property
    def kind(self) -> AnnotationUnit:
        """What it is called in tables and configuration."""
        return AnnotationUnit.VARIANT

    def page(self, texts: AnnotatorTexts) -> str:
        """Returns the page that it is checked on."""
        return variant_config(texts)

    def label_schema_id(self) -> str:
        """Names what can be answered."""
        return variant_schema_id()

    def guidelines(self, texts: AnnotatorTexts) -> str:
        """Returns what people are told before the first one."""
        return variant_guidelines(texts)

    def guideline_id(self, texts: AnnotatorTexts) -> str:
        """Names what they are told."""
        return texts.variant_guideline_id

    def gathered(self, sentences: pa.Table) -> pa.Table:
        """Returns them as they are: `checked_variants.unit_table` gives each as a unit."""
        return sentences

    def generators(self, workspace: Workspace) -> pa.Table:
        """Returns who wrote each."""
        rows = workspace.table(VARIANTS).read(["variant_id", "generator_id"])
        return rows.rename_columns([UNIT_ID, "generator_id"])

    def sentences(self, units: pa.Table) -> pa.Table:  # noqa: ARG002 - it has none
        """Returns no sentence: nothing is marked in a question."""
        return pa.table({name: pa.array([], pa.string()) for name in ("sentence_id", "text")})

    def tasks(
        self,
        units: pa.Table,
        address: ImageAddress,
        purpose: Purpose,
        shown: Mapping[str, ShownAnswers],  # noqa: ARG002 - nothing is suggested here
    ) -> Iterator[UnitTask]:
        """Yields the tasks of questions in other words.

        Raises:
            MissingImageError: One of them is about an image that is not there.
        """
        return question_tasks(units, address, purpose, _SHOWN, VARIANT, "variant")

    def contents(
        self,
        workspace: Workspace,
        round_name: str,  # noqa: ARG002 - they are the same in every round
        unit_ids: pa.Array | pa.ChunkedArray,
    ) -> Mapping[str, VariantContent]:
        """Returns what the tasks of these were sent with, by variant."""
        wanted = pc.field("variant_id").isin(pc.unique(unit_ids))
        found = variants_with_questions(workspace, wanted)
        return {one.variant_id: VariantContent(one) for one in found}


def _meaning(given: GivenAnswer) -> Meaning:
    chosen = chosen_choices(given, MEANING)
    if len(chosen) != 1:
        said = f"{len(chosen)} things" if chosen else "nothing"
        raise Doubtful(Doubt.UNKNOWN_MEANING, f"It says {said} of what both mean.")
    [word] = chosen
    if word not in set(Meaning):
        raise Doubtful(Doubt.UNKNOWN_MEANING, f"{word[:40]!r} is not offered.")
    return Meaning(word)
