"""Withdrawing an image or an annotator, and excluding an annotator's answers.

Whoever is withdrawn is in table `withdrawn`, which push, pull and label read. Of an annotator who
withdraws, the answers that are here lose what they say; those of one whom an operator excludes stay
as they are and count for nothing.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import UnknownWithdrawalError
from alignbench.annotation.rounds.asked_images import images_of_asked
from alignbench.schemas.ids import caption_id
from alignbench.schemas.rows.annotation import Annotation, QuarantinedAnnotation, Withdrawn
from alignbench.schemas.rows.questions import Rating, VariantCheck
from alignbench.schemas.tables import (
    ANNOTATIONS,
    IMAGES,
    RATINGS,
    RESPONSES,
    SENTENCES,
    VARIANT_CHECKS,
    WITHDRAWN,
    TableSpec,
)
from alignbench.schemas.vocabulary import AnnotationStatus, WithdrawnKind
from alignbench.workspace.workspace import Workspace

_JUST_AFTER = timedelta(microseconds=1)
_WRITTEN_AT_ONCE = 2000
_SHORTEST_PREFIX = 8
_ANSWERS: Final[tuple[TableSpec[Any], ...]] = (ANNOTATIONS, RATINGS, VARIANT_CHECKS)


class Withdrawal(NamedTuple):
    """What was done.

    Attributes:
        id: Of the image, or the annotator's name.
        is_new: Whether it was not withdrawn before.
        answers: How many answers lost what they say.
        blob: Where the bytes of a withdrawn image still are; None for an annotator.
    """

    id: str
    is_new: bool
    answers: int = 0
    blob: str | None = None


def withdraw_image(workspace: Workspace, prefix: str, reason: str, run_id: str) -> Withdrawal:
    """Withdraws an image: nobody is asked about it any more, and no release has it.

    Args:
        workspace: Where it is.
        prefix: Its id, or the beginning of it, of 8 characters or more.
        reason: Why.
        run_id: Stamped on the row.

    Raises:
        UnknownWithdrawalError: No image has that id, or several have.
    """
    images = workspace.table(IMAGES).read(["image_id", "blob"])
    ours = images.filter(pc.starts_with(images["image_id"], prefix)).to_pylist()
    if len(prefix) < _SHORTEST_PREFIX or len(ours) != 1:
        named = "no image" if not ours else f"{len(ours):,} images"
        raise UnknownWithdrawalError(
            f"{prefix!r} names {named} of {workspace.url}.",
            "Give the image_id, or its first 8 characters or more.",
        )
    image_id = str(ours[0]["image_id"])
    is_new = _note(workspace, WithdrawnKind.IMAGE, image_id, reason, run_id, keeps_answers=None)
    return Withdrawal(image_id, is_new, blob=str(ours[0]["blob"]))


def withdraw_annotator(workspace: Workspace, name: str, reason: str, run_id: str) -> Withdrawal:
    """Withdraws an annotator: no answer counts any more, and none keeps what it says.

    Raises:
        UnknownWithdrawalError: Nobody of that name has answered.
    """
    name = _known_annotator(workspace, name)
    is_new = _note(workspace, WithdrawnKind.ANNOTATOR, name, reason, run_id, keeps_answers=False)
    return Withdrawal(name, is_new, _empty_answers(workspace, name, run_id))


def exclude_annotator(workspace: Workspace, name: str, reason: str, run_id: str) -> Withdrawal:
    """Excludes an annotator's answers: they stay, and no longer count.

    Raises:
        UnknownWithdrawalError: Nobody of that name has answered.
    """
    name = _known_annotator(workspace, name)
    return Withdrawal(
        name, _note(workspace, WithdrawnKind.ANNOTATOR, name, reason, run_id, keeps_answers=True)
    )


def readmit_annotator(workspace: Workspace, name: str, run_id: str) -> Withdrawal:
    """Takes an exclusion back: the annotator's answers count again.

    Raises:
        UnknownWithdrawalError: Nobody of that name is excluded. Who has withdrawn is not: what they
            answered was erased.
    """
    of_people = pc.field("kind") == WithdrawnKind.ANNOTATOR.value
    excluded = {
        row.id: row
        for row in workspace.table(WITHDRAWN).rows(of_people)
        if row.keeps_answers and not row.revoked
    }
    row = excluded.get(name) or excluded.get(name.lower())
    if row is None:
        raise UnknownWithdrawalError(
            f"{name!r} is not excluded in {workspace.url}.",
            f"Excluded: {', '.join(sorted(excluded)) or 'nobody'}.",
        )
    undone = replace(row, revoked=True, version=row.version + 1)
    workspace.table(WITHDRAWN).append([undone], run_id)
    return Withdrawal(row.id, is_new=True)


def withdrawn_ids(workspace: Workspace, kind: WithdrawnKind) -> pa.Array:
    """Returns the ids of what has been withdrawn of one kind, excluded annotators among them."""
    holds = (pc.field("kind") == kind.value) & ~pc.coalesce(pc.field("revoked"), False)
    rows = workspace.table(WITHDRAWN).read(["kind", "id", "revoked"], holds)
    return rows["id"].combine_chunks()


def hidden_units(workspace: Workspace) -> set[str]:
    """Returns what is about withdrawn images: sentences, captions, models' answers, variants."""
    images = withdrawn_ids(workspace, WithdrawnKind.IMAGE)
    if not len(images):
        return set()
    of_images = pc.field("image_id").isin(images)
    columns = ["sentence_id", "pair_id", "splitter_id", "image_id"]
    sentences = workspace.table(SENTENCES).read(columns, of_images)
    ids, pairs, splitters = (sentences[name].to_pylist() for name in columns[:3])
    captions = {caption_id(*cut) for cut in set(zip(pairs, splitters, strict=True))}
    return {*ids, *captions, *_asked_and_answered_about(workspace, set(images.to_pylist()))}


def withdrawn_annotators(workspace: Workspace) -> frozenset[str]:
    """Returns the annotators who have withdrawn, without those who are only excluded."""
    of_people = pc.field("kind") == WithdrawnKind.ANNOTATOR.value
    rows = workspace.table(WITHDRAWN).rows(of_people)
    return frozenset(row.id for row in rows if not row.keeps_answers and not row.revoked)


def emptied(
    row: Annotation | Rating | VariantCheck | QuarantinedAnnotation,
) -> Annotation | Rating | VariantCheck | QuarantinedAnnotation:
    """Returns an answer's row without what it says."""
    if isinstance(row, QuarantinedAnnotation):
        return replace(row, raw="{}", reason="Its annotator has withdrawn.")
    if isinstance(row, VariantCheck):
        return emptied_check(row)
    return emptied_rating(row) if isinstance(row, Rating) else emptied_answer(row)


def emptied_answer(row: Annotation) -> Annotation:
    """Returns an answer without what it says; a skip or a deleted answer stays one."""
    was_given = row.status is AnnotationStatus.SUBMITTED
    return replace(
        row,
        verdict=None,
        spans=(),
        note=None,
        flags=(),
        lead_seconds=None,
        preannotated_by=None,
        status=AnnotationStatus.WITHDRAWN if was_given else row.status,
    )


def emptied_rating(row: Rating) -> Rating:
    """Returns a rating without what it says; a skip or a deleted one stays one."""
    was_given = row.status is AnnotationStatus.SUBMITTED
    return replace(
        row,
        rating=None,
        reason=None,
        flags=(),
        lead_seconds=None,
        status=AnnotationStatus.WITHDRAWN if was_given else row.status,
    )


def emptied_check(row: VariantCheck) -> VariantCheck:
    """Returns what somebody says of a variant without it; a skip or a deleted one stays one."""
    was_given = row.status is AnnotationStatus.SUBMITTED
    return replace(
        row,
        meaning=None,
        reason=None,
        flags=(),
        lead_seconds=None,
        status=AnnotationStatus.WITHDRAWN if was_given else row.status,
    )


def _asked_and_answered_about(workspace: Workspace, images: Collection[str]) -> set[str]:
    """Returns the questions about these images, those in other words and models' answers to all."""
    asked = {key for key, image in images_of_asked(workspace).items() if image in images}
    if not asked:
        return set()
    about = pc.field("asked_id").isin(pa.array(sorted(asked), pa.string()))
    rows = workspace.table(RESPONSES).read(["response_id", "asked_id"], about)
    return asked | set(rows["response_id"].to_pylist())


def _known_annotator(workspace: Workspace, name: str) -> str:
    columns = (workspace.table(table).read(["annotator"])["annotator"] for table in _ANSWERS)
    names = {name for column in columns for name in pc.unique(column).to_pylist()}
    if name.lower() in names:
        return name.lower()
    if name in names:
        return name
    raise UnknownWithdrawalError(
        f"{name!r} has no answer in {workspace.url}.",
        "See 'alignbench annotators list' for the names, and pull first.",
    )


def _note(
    workspace: Workspace,
    kind: WithdrawnKind,
    key: str,
    reason: str,
    run_id: str,
    *,
    keeps_answers: bool | None,
) -> bool:
    """Writes a row unless one says so already; who has withdrawn is not excluded after it."""
    of_key = (pc.field("kind") == kind.value) & (pc.field("id") == key)
    before = next(iter(workspace.table(WITHDRAWN).rows(of_key)), None)
    holds = before is not None and not before.revoked
    if before is not None and holds and (not before.keeps_answers or keeps_answers):
        return False
    row = Withdrawn(
        kind=kind,
        id=key,
        reason=reason,
        version=1 if before is None else before.version + 1,
        keeps_answers=keeps_answers,
    )
    workspace.table(WITHDRAWN).append([row], run_id)
    return True


def _empty_answers(workspace: Workspace, name: str, run_id: str) -> int:
    """Writes newer rows of an annotator's answers that say nothing; returns how many."""
    theirs = pc.field("annotator") == name
    count = 0
    for table in _ANSWERS:
        answers = [
            replace(emptied(row), updated_at=row.updated_at + _JUST_AFTER)
            for row in workspace.table(table).rows(theirs)
            if emptied(row) != row
        ]
        for start in range(0, len(answers), _WRITTEN_AT_ONCE):
            workspace.table(table).append(answers[start:][:_WRITTEN_AT_ONCE], run_id)
        count += len(answers)
    return count
