"""Questions in other words as a round asks about them: read from the tables, in order.

Those of one question come one after another, and all of one image, so that whoever checks them
reads the question once.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import hidden_units, withdrawn_ids
from alignbench.annotation.units.shown_questions import blobs_of, numbered_turns
from alignbench.annotation.units.unit import PURPOSE, UNIT_ID
from alignbench.schemas.tables import QUESTIONS, ROUND_SENTENCES, VARIANT_CHECKS, VARIANTS
from alignbench.schemas.variant_decisions import SaidOfVariant, said_of_variants
from alignbench.schemas.vocabulary import Purpose, VariantStatus, WithdrawnKind
from alignbench.workspace.workspace import Workspace

_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in (UNIT_ID, "image_id", "generator_id", PURPOSE)),
        *((name, pa.string()) for name in ("blob", "history", "question", "variant")),
    ]
)


class CheckedVariant(NamedTuple):
    """A question in other words, beside the one that it was written from.

    Attributes:
        variant_id: Its id.
        generator_id: Who wrote it.
        image_id: What is asked about; None until the image is imported.
        history: The earlier turns, numbered.
        question: The question that it was written from.
        text: The question in other words.
    """

    variant_id: str
    generator_id: str
    image_id: str | None
    history: str
    question: str
    text: str


def variants_with_questions(workspace: Workspace, which: pc.Expression) -> Iterator[CheckedVariant]:
    """Yields questions in other words, with those that they were written from."""
    variants = list(workspace.table(VARIANTS).rows(which))
    ids = pa.array(sorted({row.question_id for row in variants}), pa.string())
    rows = workspace.table(QUESTIONS).rows(pc.field("question_id").isin(ids))
    questions = {row.question_id: row for row in rows}
    for row in variants:
        if (seed := questions.get(row.question_id)) is not None:
            yield CheckedVariant(
                row.variant_id,
                row.generator_id,
                seed.image_id,
                numbered_turns(seed),
                seed.prompt,
                row.prompt,
            )


def checkable_variants(workspace: Workspace, generators: Collection[str]) -> list[str]:
    """Returns what can be drawn for people to check: what the models accepted, of these writers.

    Those about withdrawn images are left out.
    """
    wanted = pc.field("generator_id").isin(pa.array(sorted(generators), pa.string()))
    wanted &= pc.field("status") == VariantStatus.ACCEPTED.value
    found = workspace.table(VARIANTS).read(["variant_id", "generator_id", "status"], wanted)
    hidden = hidden_units(workspace)
    return [one for one in found["variant_id"].to_pylist() if one not in hidden]


def drawn_variants(workspace: Workspace, round_name: str) -> dict[str, Purpose]:
    """Returns what was drawn for a round, by its id, and why; gold among it."""
    of_round = pc.field("round") == round_name
    rows = workspace.table(ROUND_SENTENCES).rows(of_round)
    return {row.sentence_id: row.purpose for row in rows}


def round_variants(
    workspace: Workspace, round_name: str, generators: Collection[str]
) -> list[tuple[CheckedVariant, Purpose]]:
    """Returns all that a round asks about, image by image, and why.

    Args:
        workspace: Where it is.
        round_name: The round.
        generators: Whose questions; gold is asked about whoever wrote it.
    """
    drawn = drawn_variants(workspace, round_name)
    wanted = pc.field("variant_id").isin(pa.array(sorted(drawn), pa.string()))
    hidden = hidden_units(workspace)
    found = [
        (one, drawn[one.variant_id])
        for one in variants_with_questions(workspace, wanted)
        if one.variant_id not in hidden
        and (one.generator_id in generators or drawn[one.variant_id] is Purpose.GOLD)
    ]
    return sorted(
        found, key=lambda pair: (pair[0].image_id or "", pair[0].question, pair[0].variant_id)
    )


def unit_table(
    workspace: Workspace, variants: Sequence[tuple[CheckedVariant, Purpose]]
) -> pa.Table:
    """Returns questions in other words as units: a row each, with the image's blob if there."""
    blobs = blobs_of(workspace, (one.image_id for one, _ in variants))
    rows = [
        {
            UNIT_ID: one.variant_id,
            "image_id": one.image_id,
            "generator_id": one.generator_id,
            PURPOSE: why.value,
            "blob": blobs.get(one.image_id),
            "history": one.history,
            "question": one.question,
            "variant": one.text,
        }
        for one, why in variants
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def said_by_people(workspace: Workspace) -> dict[str, SaidOfVariant]:
    """Returns what people say of each question in other words that any was asked about."""
    out = withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist()
    return said_of_variants(workspace.table(VARIANT_CHECKS).rows(), frozenset(out))
