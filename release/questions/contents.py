"""What a release of questions is made of: the tables of a workspace, as far as they are selected.

Rows are sorted, and hold nothing that another machine or run would write otherwise.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.errors import BrokenReferenceError, NoQuestionsError
from alignbench.release.votes.pseudonyms import pseudonyms
from alignbench.release.votes.withdrawn import withdrawn_by_kind
from alignbench.release_format.question_columns import (
    JUDGEMENTS,
    JUDGES,
    MODELS,
    QUESTIONS,
    RATINGS,
    RESPONSES,
    TABLES,
    VARIANT_COUNTS,
    VARIANTS,
    ReleasedTable,
)
from alignbench.schemas import tables
from alignbench.schemas.configuration.question_sections import QuestionsConfig, QuestionSetConfig
from alignbench.schemas.rows.questions import Question, Rating, Variant
from alignbench.schemas.variant_decisions import SaidOfVariant, as_decided, said_of_variants
from alignbench.schemas.vocabulary import VariantStatus, WithdrawnKind
from alignbench.workspace.workspace import Workspace

Row = dict[str, Any]

_NOTHING_SAID: Final = QuestionSetConfig()


@dataclass(frozen=True)
class SelectedForRelease:
    """Whose work is released.

    Attributes:
        roles: The models, by the ids of their rows, and what each did.
        writers: Those that put questions in other words.
        responders: Those that answer.
        judges: The judges, and how many draws of each count.
    """

    roles: Mapping[str, str]
    writers: Collection[str]
    responders: Collection[str]
    judges: Mapping[str, int]


class QuestionContents(NamedTuple):
    """What goes into a release.

    Attributes:
        tables: The rows of each table, sorted, without images.
        blobs: Where the images lie that are embedded, by their ids.
        withheld: Images that may not be passed on.
        left_out: Questions and answers of sets that may not, by what they are.
        sets_left_out: Those sets.
    """

    tables: Mapping[str, pa.Table]
    blobs: Mapping[str, str]
    withheld: frozenset[str]
    left_out: Mapping[str, int]
    sets_left_out: tuple[str, ...]


def question_contents(
    workspace: Workspace, selected: SelectedForRelease, config: QuestionsConfig
) -> QuestionContents:
    """Returns what a release is made of.

    Args:
        workspace: What it is made from; the caller holds its lock for releases.
        selected: Whose work is released.
        config: What may be passed on.

    Raises:
        NoQuestionsError: There is no question, or none that may be passed on.
        BrokenReferenceError: A model's row is gone.
    """
    hidden = set(withdrawn_by_kind(workspace)[WithdrawnKind.IMAGE])
    every = [row for row in workspace.table(tables.QUESTIONS).rows() if row.image_id not in hidden]
    withheld_sets = {name for name, one in config.sets.items() if not one.redistributable}
    questions = [row for row in every if row.source not in withheld_sets]
    if not questions:
        raise NoQuestionsError(
            f"There is no question in {workspace.store.url} that may be released.",
            "Run 'alignbench questions import'; see [questions.sets] for what may be passed on.",
        )
    said = _said_of_variants(workspace)
    variants = list(as_decided(_variants(workspace, questions, selected), said))
    asked = _asked(questions, variants)
    responses = _responses(workspace, asked, selected)
    response_ids = {row["response_id"] for row in responses}
    judgements = _judgements(workspace, response_ids, selected)
    ratings = _ratings(workspace, response_ids)
    judges = _judges(workspace, judgements)
    models = _models(workspace, selected, [*responses, *judges, *map(asdict, variants)])
    names = {row["generator_id"]: row["model"] for row in models}
    allowed, withheld, blobs = _images(workspace, questions, config)
    rows: dict[str, list[Row]] = {
        QUESTIONS.name: [_question(row, config, allowed) for row in questions],
        VARIANTS.name: [
            asdict(row) | {"model": names[row.generator_id]} | _counts(said.get(row.variant_id))
            for row in variants
        ],
        RESPONSES.name: responses,
        JUDGEMENTS.name: judgements,
        RATINGS.name: ratings,
        JUDGES.name: judges,
        MODELS.name: models,
    }
    gone = {row.question_id for row in every if row.source in withheld_sets}
    return QuestionContents(
        {name: sorted_table(TABLES[name], found) for name, found in rows.items()},
        blobs if config.release.embed_images else {},
        withheld,
        {"questions": len(gone), "responses": _count_responses(workspace, gone, selected)},
        tuple(sorted({row.source for row in every} & withheld_sets)),
    )


def sorted_table(table: ReleasedTable, rows: Iterable[Row]) -> pa.Table:
    """Returns rows as a table in its order, without the image."""
    names = table.without_image.names

    def place(row: Row) -> tuple[Any, ...]:
        if table is QUESTIONS:
            return (row["image_id"] is not None, row["image_id"] or "", row["question_id"])
        return tuple(row[name] for name in table.order)

    ordered = sorted(({name: row[name] for name in names} for row in rows), key=place)
    return pa.Table.from_pylist(ordered, schema=table.without_image)


def _question(row: Question, config: QuestionsConfig, allowed: Mapping[str, bool | None]) -> Row:
    said = config.sets.get(row.source, _NOTHING_SAID)
    return asdict(row) | {
        "quirks": list(row.quirks),
        "history": [asdict(turn) for turn in row.history],
        "license": said.license,
        "redistributable": None if row.image_id is None else allowed[row.image_id],
    }


def _variants(
    workspace: Workspace, questions: Iterable[Question], selected: SelectedForRelease
) -> list[Variant]:
    known = {row.question_id for row in questions}
    return [
        row
        for row in workspace.table(tables.VARIANTS).rows()
        if row.generator_id in selected.writers and row.question_id in known
    ]


def _said_of_variants(workspace: Workspace) -> dict[str, SaidOfVariant]:
    out = withdrawn_by_kind(workspace)[WithdrawnKind.ANNOTATOR]
    return said_of_variants(workspace.table(tables.VARIANT_CHECKS).rows(), frozenset(out))


def _counts(said: SaidOfVariant | None) -> Row:
    return dict(zip(VARIANT_COUNTS, said or (None, None, None), strict=True))


def _asked(questions: Iterable[Question], variants: Iterable[Variant]) -> dict[str, str]:
    """Returns the question of all that was asked, by its id."""
    asked = {row.question_id: row.question_id for row in questions}
    accepted = (row for row in variants if row.status is VariantStatus.ACCEPTED)
    return asked | {row.variant_id: row.question_id for row in accepted}


def _responses(
    workspace: Workspace, asked: Mapping[str, str], selected: SelectedForRelease
) -> list[Row]:
    return [
        asdict(row)
        | {"question_id": asked[row.asked_id], "served_model": _served_model(row.engine)}
        for row in workspace.table(tables.RESPONSES).rows()
        if row.generator_id in selected.responders and row.asked_id in asked
    ]


def _count_responses(
    workspace: Workspace, questions: Collection[str], selected: SelectedForRelease
) -> int:
    """Returns how many answers there are to questions that may not be passed on, or variants."""
    if not questions:
        return 0
    asked = set(questions)
    asked |= {
        row.variant_id
        for row in workspace.table(tables.VARIANTS).rows()
        if row.question_id in questions
    }
    return sum(
        row.asked_id in asked and row.generator_id in selected.responders
        for row in workspace.table(tables.RESPONSES).rows()
    )


def _judgements(
    workspace: Workspace, responses: Collection[str], selected: SelectedForRelease
) -> list[Row]:
    return [
        asdict(row) | {"judge": row.model, "served_model": _served_model(row.engine)}
        for row in workspace.table(tables.JUDGEMENTS).rows()
        if row.draw < selected.judges.get(row.judge_id, 0) and row.response_id in responses
    ]


def _ratings(workspace: Workspace, responses: Collection[str]) -> list[Row]:
    """Returns each person's newest rating of an answer in each round, under a pseudonym.

    Gold is none, nor what somebody said who is excluded or has withdrawn.
    """
    out = set(withdrawn_by_kind(workspace)[WithdrawnKind.ANNOTATOR])
    first: dict[str, datetime] = {}
    newest: dict[tuple[str, str, str], Rating] = {}
    for row in workspace.table(tables.RATINGS).rows():
        if not row.counts or row.response_id not in responses or row.annotator in out:
            continue
        first[row.annotator] = min(first.get(row.annotator, row.updated_at), row.updated_at)
        key = (row.response_id, row.round, row.annotator)
        if key not in newest or newest[key].updated_at < row.updated_at:
            newest[key] = row
    names = pseudonyms(workspace.store, first)
    return [asdict(row) | {"annotator": names[row.annotator]} for row in newest.values()]


def _judges(workspace: Workspace, judgements: Iterable[Row]) -> list[Row]:
    used = {row["judge_id"] for row in judgements}
    return [asdict(row) for row in workspace.table(tables.JUDGES).rows() if row.judge_id in used]


def _models(workspace: Workspace, selected: SelectedForRelease, rows: Iterable[Row]) -> list[Row]:
    used = {row["generator_id"] for row in rows}
    if used & set(selected.writers):
        used |= {one for one, role in selected.roles.items() if role == "checks variants"}
    found = {
        row.generator_id: row
        for row in workspace.table(tables.GENERATORS).rows()
        if row.generator_id in used
    }
    if missing := sorted(used - found.keys()):
        raise BrokenReferenceError(
            f"The model {missing[0]} has no row in table generators ({len(missing)} such).",
            "Restore the table from a backup.",
        )
    return [asdict(row) | {"role": selected.roles[key]} for key, row in found.items()]


def _images(
    workspace: Workspace, questions: Iterable[Question], config: QuestionsConfig
) -> tuple[dict[str, bool | None], frozenset[str], dict[str, str]]:
    """Returns of each image whether it may be passed on, which may not, and where the rest lie."""
    by_image: dict[str, set[bool | None]] = {}
    for row in questions:
        if row.image_id is not None:
            said = config.sets.get(row.source, _NOTHING_SAID).images_redistributable
            by_image.setdefault(row.image_id, set()).add(said)
    elsewhere: dict[str, set[bool | None]] = {}
    where = pc.field("image_id").isin(pa.array(list(by_image), pa.string()))
    for batch in workspace.table(tables.ORIGINS).scan(["image_id", "redistributable"], where):
        for image_id, said in zip(*(batch[n].to_pylist() for n in batch.column_names), strict=True):
            elsewhere.setdefault(image_id, set()).add(said)
    allowed = {
        image_id: _may_pass_on(said, elsewhere.get(image_id, set()))
        for image_id, said in by_image.items()
    }
    withheld = frozenset(image_id for image_id, may in allowed.items() if may is False)
    blobs = {
        row.image_id: row.blob
        for row in workspace.table(tables.IMAGES).rows(where)
        if row.image_id not in withheld
    }
    return allowed, withheld, blobs


def _may_pass_on(sets: set[bool | None], origins: set[bool | None]) -> bool | None:
    """Returns what the sets say; where they say nothing, what the other sources of an image do.

    A set that forbids it is obeyed whatever another says. Of other sources, one that does not
    forbid it is enough, as in releases of sentences.
    """
    if False in sets:
        return False
    if True in sets or True in origins:
        return True
    return False if origins == {False} else None


def _served_model(engine: str | None) -> str | None:
    """Returns the name under which a server had the model."""
    found = json.loads(engine) if engine else None
    served = found.get("model") if isinstance(found, dict) else None
    return served if isinstance(served, str) else None
