"""Answers of models as a round of ratings asks about them: read from the tables, in order.

All models' answers to the questions about one image come one after another, so that whoever is
asked about the image rates every model.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.question_gold import round_gold
from alignbench.annotation.rounds.withdrawal import hidden_units
from alignbench.annotation.units.checked_variants import said_by_people
from alignbench.annotation.units.shown_questions import blobs_of, numbered_turns
from alignbench.annotation.units.unit import PURPOSE, UNIT_ID
from alignbench.schemas.rows.questions import Question
from alignbench.schemas.tables import QUESTIONS, RESPONSES, SAMPLED_QUESTIONS, VARIANTS
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.workspace import Workspace

_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in (UNIT_ID, "image_id", "generator_id", PURPOSE)),
        *((name, pa.string()) for name in ("blob", "history", "question", "reference", "response")),
    ]
)


class RatedResponse(NamedTuple):
    """An answer with what it is an answer to.

    Attributes:
        response_id: Its id.
        asked_id: The question, or variant, that it answers.
        generator_id: Who gave it.
        image_id: What was asked about; None until the image is imported.
        history: The earlier turns, one a line.
        question: What was asked.
        reference: What a person answered.
        text: What it says.
    """

    response_id: str
    asked_id: str
    generator_id: str
    image_id: str | None
    history: str
    question: str
    reference: str
    text: str


def responses_with_questions(
    workspace: Workspace, which: pc.Expression, columns: Collection[str] = ()
) -> Iterator[RatedResponse]:
    """Yields answers with their questions.

    Args:
        workspace: Where they are.
        which: Those of table `responses` that are wanted.
        columns: What `which` is about, beside the columns that are read in any case.
    """
    needed = ["response_id", "asked_id", "generator_id", "text"]
    rows = workspace.table(RESPONSES).read([*dict.fromkeys([*needed, *columns])], which)
    asked = _Asked(workspace, set(rows["asked_id"].to_pylist()))
    for response_id, asked_id, generator_id, text in zip(
        *(rows[name].to_pylist() for name in needed), strict=True
    ):
        if (found := asked.get(asked_id)) is not None:
            prompt, row = found
            yield RatedResponse(
                response_id,
                asked_id,
                generator_id,
                row.image_id,
                numbered_turns(row),
                prompt,
                row.reference,
                text,
            )


def sampled_responses(
    workspace: Workspace, round_name: str, generators: Collection[str]
) -> list[RatedResponse]:
    """Returns what a round's sample has people rate: each model's answer to what was drawn.

    Of several samples of an answer the first counts, and none that was given without the image.
    Those about withdrawn images are left out, and those to questions that people refuse.

    Args:
        workspace: Where they are.
        round_name: The round.
        generators: Whose answers.
    """
    drawn = (pc.field("round") == round_name) & pc.field("drawn")
    asked = workspace.table(SAMPLED_QUESTIONS).read(["asked_id", "round", "drawn"], drawn)
    wanted = pc.field("asked_id").isin(asked["asked_id"].combine_chunks())
    wanted &= pc.field("generator_id").isin(pa.array(sorted(generators), pa.string()))
    wanted &= ~pc.field("blind") & (pc.field("sample_index") == 0)
    columns = ["asked_id", "generator_id", "blind", "sample_index"]
    refused = {key for key, said in said_by_people(workspace).items() if said.is_refused}
    found = _shown(workspace, responses_with_questions(workspace, wanted, columns))
    return [one for one in found if one.asked_id not in refused]


def round_responses(
    workspace: Workspace, round_name: str, generators: Collection[str]
) -> Iterator[tuple[RatedResponse, Purpose]]:
    """Yields all that a round of ratings asks about, image by image, and why; gold among it."""
    gold = round_gold(workspace, round_name)
    about_gold = pc.field("response_id").isin(pa.array(sorted(gold), pa.string()))
    of_gold = _shown(workspace, responses_with_questions(workspace, about_gold))
    sampled = sampled_responses(workspace, round_name, generators)
    every = [(one, Purpose.LABEL) for one in sampled if one.response_id not in gold]
    every += [(one, Purpose.GOLD) for one in of_gold]
    yield from sorted(
        every, key=lambda pair: (pair[0].image_id or "", pair[0].asked_id, pair[0].response_id)
    )


def unit_table(
    workspace: Workspace, responses: Collection[tuple[RatedResponse, Purpose]]
) -> pa.Table:
    """Returns answers as units: a row each, with the blob of the image if it is there."""
    blobs = blobs_of(workspace, (one.image_id for one, _ in responses))
    rows = [
        {
            UNIT_ID: one.response_id,
            "image_id": one.image_id,
            "generator_id": one.generator_id,
            PURPOSE: why.value,
            "blob": blobs.get(one.image_id),
            "history": one.history,
            "question": one.question,
            "reference": one.reference,
            "response": one.text,
        }
        for one, why in responses
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


class _Asked:
    """Questions, and variants of questions, by their ids: what is asked, and the whole question."""

    def __init__(self, workspace: Workspace, ids: Collection[str]) -> None:
        wanted = pa.array(sorted(ids), pa.string())
        variants = workspace.table(VARIANTS).rows(pc.field("variant_id").isin(wanted))
        self._variants = {row.variant_id: (row.question_id, row.prompt) for row in variants}
        seeds = {question for question, _ in self._variants.values()}
        every = pa.array(sorted({*ids, *seeds}), pa.string())
        questions = workspace.table(QUESTIONS).rows(pc.field("question_id").isin(every))
        self._questions = {row.question_id: row for row in questions}

    def get(self, asked_id: str) -> tuple[str, Question] | None:
        question_id, prompt = self._variants.get(asked_id, (asked_id, None))
        row = self._questions.get(question_id)
        return None if row is None else (row.prompt if prompt is None else prompt, row)


def _shown(workspace: Workspace, responses: Iterator[RatedResponse]) -> list[RatedResponse]:
    hidden = hidden_units(workspace)
    return [one for one in responses if one.response_id not in hidden]
