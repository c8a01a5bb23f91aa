"""What the page for ratings saves is read as it stands, or is doubted."""

from datetime import UTC, datetime

import pytest

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.rating_page import (
    RATING_KEYS,
    rating_config,
    rating_guidelines,
)
from alignbench.annotation.label_studio.results import rating_result
from alignbench.annotation.label_studio.texts import annotator_texts, languages
from alignbench.annotation.units.given import Doubtful, GivenAnswer
from alignbench.annotation.units.rated_responses import RatedResponse
from alignbench.annotation.units.response import ResponseContent
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SENT = ResponseContent(RatedResponse("r", "q", "g", "i", "", "How many?", "Two.", "Three."), 0.25)
SEEN = {"from_name": "shows_reference", "value": {"choices": ["shows_reference"]}}


def given(
    result: object, *, skipped: bool = False, purpose: Purpose = Purpose.LABEL
) -> GivenAnswer:
    return GivenAnswer(
        server="s", project_id=1, annotation_id=2, task_id=3, round="1", purpose=purpose,
        annotator="ann", updated_by=None, preannotated_by=None, skipped=skipped, note="why",
        flags=(), lead_seconds=2.0, annotated_at=NOW, updated_at=NOW, result=result, raw="{}",
    )  # fmt: skip


def read(answer: GivenAnswer) -> Rating:
    [row] = SENT.rows(answer)
    assert isinstance(row, Rating)
    return row


@pytest.mark.parametrize("rating", RATING_KEYS)
def test_each_rating_is_the_number_on_its_key(rating: int) -> None:
    row = read(given(rating_result(rating)))
    assert (row.rating, row.reason, row.probability) == (float(rating), "why", 0.25)
    assert (row.response_id, row.task_id, row.flags) == ("r", 3, ())
    assert row.counts


def test_that_the_reference_was_looked_at_is_kept() -> None:
    assert read(given([*rating_result(4), SEEN])).flags == ("reference_seen",)


def test_gold_and_a_skip_count_in_no_figure() -> None:
    gold = read(given(rating_result(4), purpose=Purpose.GOLD))
    assert (gold.rating, gold.probability, gold.counts) == (4.0, 0.0, False)
    skip = read(given(None, skipped=True))
    assert (skip.rating, skip.status, skip.counts) == (None, AnnotationStatus.SKIPPED, False)


@pytest.mark.parametrize(
    "choices", [[], ["0"], ["11"], ["5.5"], ["-1"], ["1", "10"], [7], [None], [["7"]], ["７"]]
)
def test_what_is_no_rating_is_doubted_and_never_a_number(choices: list[object]) -> None:
    result = [{"from_name": "rating", "value": {"choices": choices}}]
    with pytest.raises(Doubtful) as doubted:
        SENT.rows(given(result))
    assert doubted.value.doubt is Doubt.UNKNOWN_RATING


@pytest.mark.parametrize("result", [None, "7", [7], {"rating": 7}])
def test_what_is_no_result_of_the_page_is_doubted(result: object) -> None:
    with pytest.raises(Doubtful) as doubted:
        SENT.rows(given(result))
    assert doubted.value.doubt is Doubt.MALFORMED


@pytest.mark.parametrize("language", languages())
def test_every_language_that_comes_along_has_the_page(language: str) -> None:
    texts = annotator_texts(language)
    assert texts.ratings is not None
    page = rating_config(texts)
    assert page.count('hotkey="') == len(RATING_KEYS) + 1
    assert "How many?" not in page
    assert all(level in rating_guidelines(texts) for level in texts.ratings.levels)
    ids = {annotator_texts(one).rating_guideline_id for one in languages()}
    assert len(ids) == len(languages())


def test_a_language_without_the_texts_is_told_and_sentences_keep_their_guidelines() -> None:
    whole = annotator_texts("en")
    without = whole.model_copy(update={"ratings": None})
    with pytest.raises(ConfigError, match=r"no section \[ratings\]"):
        rating_config(without)
    assert without.guideline_id == whole.guideline_id
