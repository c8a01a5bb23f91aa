"""A model's answer to a question as a unit: it is rated from 1 to 10, and why may be said."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.rating_page import (
    HISTORY,
    QUESTION,
    RATING,
    RATING_KEYS,
    REFERENCE,
    RESPONSE,
    SHOWS_REFERENCE,
    rating_config,
    rating_guidelines,
    rating_schema_id,
)
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.units.given import AnswerRow, Doubtful, GivenAnswer, chosen_choices
from alignbench.annotation.units.rated_responses import RatedResponse, responses_with_questions
from alignbench.annotation.units.shown_questions import question_tasks, shown_fields
from alignbench.annotation.units.unit import UNIT_ID, ImageAddress, ShownAnswers, UnitTask
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import RESPONSES, SAMPLED_QUESTIONS
from alignbench.schemas.vocabulary import AnnotationStatus, AnnotationUnit, AnswerFlag, Purpose
from alignbench.workspace.workspace import Workspace

_SHOWN: Final = (HISTORY, QUESTION, RESPONSE, REFERENCE)
_RATINGS: Final = {str(rating): float(rating) for rating in RATING_KEYS}


@dataclass(frozen=True, slots=True)
class ResponseContent:
    """An answer that was sent to be rated.

    Attributes:
        response: The answer, with its question.
        probability: The chance that its question had of being drawn for the round.
    """

    response: RatedResponse
    probability: float

    def shown(self) -> Mapping[str, str]:
        """Returns the fields that the task must still have as they were sent."""
        one = self.response
        texts = {
            HISTORY: one.history,
            QUESTION: one.question,
            RESPONSE: one.text,
            REFERENCE: one.reference,
        }
        return shown_fields(one.response_id, texts, one.text)

    def rows(self, given: GivenAnswer) -> list[AnswerRow | QuarantinedAnnotation]:
        """Reads an answer into the row of what it rates.

        Raises:
            Doubtful: It has no rating, or several.
        """
        rating = None if given.skipped else _rating(given)
        seen = not given.skipped and bool(chosen_choices(given, SHOWS_REFERENCE))
        flags = ((AnswerFlag.REFERENCE_SEEN,) if seen else ()) + given.flags
        # What gold is rated counts in no figure, so that no chance belongs to it.
        is_gold = given.purpose is Purpose.GOLD
        return [
            Rating(
                server=given.server,
                project_id=given.project_id,
                annotation_id=given.annotation_id,
                response_id=self.response.response_id,
                round=given.round,
                annotator=given.annotator,
                rating=rating,
                reason=given.note,
                status=AnnotationStatus.SKIPPED if given.skipped else AnnotationStatus.SUBMITTED,
                probability=0.0 if is_gold else self.probability,
                lead_seconds=given.lead_seconds,
                updated_at=given.updated_at,
                task_id=given.task_id,
                purpose=given.purpose,
                flags=flags,
                updated_by=given.updated_by,
                text_sha256=text_sha256(self.response.text),
                annotated_at=given.annotated_at,
            )
        ]


class ResponseUnit:
    """One answer of a model at a time."""

    @property
    def kind(self) -> AnnotationUnit:
        """What it is called in tables and configuration."""
        return AnnotationUnit.RESPONSE

    def page(self, texts: AnnotatorTexts) -> str:
        """Returns the page that it is rated on."""
        return rating_config(texts)

    def label_schema_id(self) -> str:
        """Names what can be answered."""
        return rating_schema_id()

    def guidelines(self, texts: AnnotatorTexts) -> str:
        """Returns what raters are told before the first one."""
        return rating_guidelines(texts)

    def guideline_id(self, texts: AnnotatorTexts) -> str:
        """Names what raters are told."""
        return texts.rating_guideline_id

    def gathered(self, sentences: pa.Table) -> pa.Table:
        """Returns answers as they are: `rated_responses.unit_table` gives each as a unit."""
        return sentences

    def generators(self, workspace: Workspace) -> pa.Table:
        """Returns the model of every answer."""
        rows = workspace.table(RESPONSES).read(["response_id", "generator_id"])
        return rows.rename_columns([UNIT_ID, "generator_id"])

    def sentences(self, units: pa.Table) -> pa.Table:  # noqa: ARG002 - it has none
        """Returns no sentence: answers are rated whole."""
        return pa.table({name: pa.array([], pa.string()) for name in ("sentence_id", "text")})

    def tasks(
        self,
        units: pa.Table,
        address: ImageAddress,
        purpose: Purpose,
        shown: Mapping[str, ShownAnswers],  # noqa: ARG002 - nothing is suggested here
    ) -> Iterator[UnitTask]:
        """Yields the tasks of answers.

        Raises:
            MissingImageError: One of them is about an image that is not there.
        """
        return question_tasks(units, address, purpose, _SHOWN, RESPONSE, "answer")

    def contents(
        self, workspace: Workspace, round_name: str, unit_ids: pa.Array | pa.ChunkedArray
    ) -> Mapping[str, ResponseContent]:
        """Returns what the tasks of these answers were sent with, by answer."""
        of_round = pc.field("round") == round_name
        columns = ["asked_id", "probability"]
        sampled = workspace.table(SAMPLED_QUESTIONS).read([*columns, "round"], of_round)
        chances = dict(zip(*(sampled[name].to_pylist() for name in columns), strict=True))
        wanted = pc.field("response_id").isin(pc.unique(unit_ids))
        return {
            one.response_id: ResponseContent(one, chances.get(one.asked_id, 0.0))
            for one in responses_with_questions(workspace, wanted)
        }


def _rating(given: GivenAnswer) -> float:
    chosen = chosen_choices(given, RATING)
    if len(chosen) != 1:
        ratings = f"{len(chosen)} ratings" if chosen else "no rating"
        raise Doubtful(Doubt.UNKNOWN_RATING, f"It has {ratings}.")
    [word] = chosen
    if word not in _RATINGS:
        raise Doubtful(Doubt.UNKNOWN_RATING, f"{word[:40]!r} is not a rating.")
    return _RATINGS[word]
