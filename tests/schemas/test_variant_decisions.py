"""What people decide of questions in other words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alignbench.schemas.rows.questions import Variant, VariantCheck
from alignbench.schemas.variant_decisions import SaidOfVariant, as_decided, said_of_variants
from alignbench.schemas.vocabulary import AnnotationStatus, Meaning, Purpose, VariantStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHECK = VariantCheck(
    server="s", project_id=1, annotation_id=1, variant_id="v", task_id=1, round="variants",
    purpose=Purpose.LABEL, annotator="ann", meaning=Meaning.DIFFERENT, reason="a colour more",
    status=AnnotationStatus.SUBMITTED, flags=(), updated_by=None, text_sha256="0", annotated_at=NOW,
    lead_seconds=None, updated_at=NOW,
)  # fmt: skip
VARIANT = Variant(
    variant_id="v", question_id="q", generator_id="g", style="plain", sample_index=0,
    prompt="How many?", status=VariantStatus.ACCEPTED, code=None, message=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        (SaidOfVariant(0, 1, 0), True),
        (SaidOfVariant(1, 2, 1), True),
        (SaidOfVariant(1, 1, 0), False),
        (SaidOfVariant(0, 2, 2), False),
        (SaidOfVariant(2, 1, 0), False),
    ],
)
def test_it_is_refused_if_more_say_different_than_anything_else(
    said: SaidOfVariant, is_refused: bool
) -> None:
    [row] = as_decided([VARIANT], {"v": said})
    assert (row.status is VariantStatus.REFUSED) == is_refused
    assert row.code == ("AB-E43" if is_refused else None)
    assert (row.message == said.why_refused) == is_refused


def test_what_models_refused_keeps_their_reason() -> None:
    refused = replace(VARIANT, status=VariantStatus.REFUSED, code="AB-E37", message="Because.")
    assert list(as_decided([refused], {"v": SaidOfVariant(0, 3, 0)})) == [refused]


def test_a_person_counts_once_and_by_the_newest_answer() -> None:
    later = replace(
        CHECK, round="2", annotation_id=2, meaning=Meaning.SAME, updated_at=NOW + timedelta(hours=1)
    )
    assert said_of_variants([later, CHECK], ()) == {"v": SaidOfVariant(1, 0, 0)}


@pytest.mark.parametrize(
    "of_no_account",
    [
        replace(CHECK, purpose=Purpose.GOLD),
        replace(CHECK, status=AnnotationStatus.SKIPPED, meaning=None),
        replace(CHECK, status=AnnotationStatus.DELETED),
        replace(CHECK, status=AnnotationStatus.WITHDRAWN, meaning=None),
        replace(CHECK, annotator="out"),
    ],
)
def test_gold_skips_deleted_answers_and_excluded_people_do_not_count(
    of_no_account: VariantCheck,
) -> None:
    assert said_of_variants([of_no_account], {"out"}) == {}
