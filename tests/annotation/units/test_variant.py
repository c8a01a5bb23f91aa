"""What the page for questions in other words saves is read as it stands, or is doubted."""

from datetime import UTC, datetime

import pytest

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.results import meaning_result
from alignbench.annotation.label_studio.texts import annotator_texts, languages
from alignbench.annotation.label_studio.variant_page import (
    MEANING_KEYS,
    variant_config,
    variant_guidelines,
)
from alignbench.annotation.units.checked_variants import CheckedVariant
from alignbench.annotation.units.given import Doubtful, GivenAnswer
from alignbench.annotation.units.variant import VariantContent
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.questions import VariantCheck
from alignbench.schemas.vocabulary import AnnotationStatus, Meaning, Purpose

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SENT = VariantContent(CheckedVariant("v", "g", "i", "", "How many?", "Count them."))


def given(
    result: object, *, skipped: bool = False, purpose: Purpose = Purpose.LABEL
) -> GivenAnswer:
    return GivenAnswer(
        server="s", project_id=1, annotation_id=2, task_id=3, round="variants", purpose=purpose,
        annotator="ann", updated_by=None, preannotated_by=None, skipped=skipped, note="why",
        flags=(), lead_seconds=2.0, annotated_at=NOW, updated_at=NOW, result=result, raw="{}",
    )  # fmt: skip


def read(answer: GivenAnswer) -> VariantCheck:
    [row] = SENT.rows(answer)
    assert isinstance(row, VariantCheck)
    return row


@pytest.mark.parametrize("meaning", Meaning)
def test_each_answer_is_what_its_key_says(meaning: Meaning) -> None:
    row = read(given(meaning_result(meaning, "why")))
    assert (row.meaning, row.reason, row.variant_id, row.counts) == (meaning, "why", "v", True)


def test_gold_and_a_skip_decide_nothing() -> None:
    gold = read(given(meaning_result(Meaning.SAME), purpose=Purpose.GOLD))
    assert (gold.meaning, gold.counts) == (Meaning.SAME, False)
    skip = read(given(None, skipped=True))
    assert (skip.meaning, skip.status, skip.counts) == (None, AnnotationStatus.SKIPPED, False)


@pytest.mark.parametrize(
    "choices", [[], ["Same"], ["相同"], ["same", "different"], [1], [None], [["same"]], ["same "]]
)
def test_what_says_nothing_or_several_things_is_doubted(choices: list[object]) -> None:
    result = [{"from_name": "meaning", "value": {"choices": choices}}]
    with pytest.raises(Doubtful) as doubted:
        SENT.rows(given(result))
    assert doubted.value.doubt is Doubt.UNKNOWN_MEANING


@pytest.mark.parametrize("result", [None, "same", [1], {"meaning": "same"}])
def test_what_is_no_result_of_the_page_is_doubted(result: object) -> None:
    with pytest.raises(Doubtful) as doubted:
        SENT.rows(given(result))
    assert doubted.value.doubt is Doubt.MALFORMED


@pytest.mark.parametrize("language", languages())
def test_every_language_that_comes_along_has_the_page(language: str) -> None:
    texts = annotator_texts(language)
    assert texts.variants is not None
    page = variant_config(texts)
    assert page.count('hotkey="') == len(MEANING_KEYS) == len(texts.variants.meanings)
    guidelines = variant_guidelines(texts)
    assert all(one.definition in guidelines for one in texts.variants.meanings.values())
    ids = {annotator_texts(one).variant_guideline_id for one in languages()}
    assert len(ids) == len(languages())


def test_a_language_without_the_texts_is_told_and_the_others_keep_their_guidelines() -> None:
    whole = annotator_texts("en")
    without = whole.model_copy(update={"variants": None})
    with pytest.raises(ConfigError, match=r"no section \[variants\]"):
        variant_config(without)
    assert without.guideline_id == whole.guideline_id
    assert without.rating_guideline_id == whole.rating_guideline_id
