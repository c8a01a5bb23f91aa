"""A number that a judge writes clearly is read; anything else is a failure that says why."""

import pytest

from alignbench.models.answers.scores import ScoreScale, read_score, score_in
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

HUNDRED = ScoreScale(0, 100)
TEN = ScoreScale(1, 10)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("85", 85), (" 85\n", 85), ("85.5", 85.5), ("85.", 85), ("85%", 85), ("85 %", 85),
        ("85/100", 85), ("85 / 100", 85), ("Score: 0", 0), ("**100**", 100), ('"7"', 7),
        ("'85'", 85), ("`85`", 85), ("“85”", 85), ("(85)", 85), ("85 points", 85),
        ("85 out of 100", 85),
        ("**85 out of 100**", 85), ("**Score:** 85", 85), ("**Score**: 85", 85), ("Score = 85", 85),
        ("Score: **85**", 85), ("Score: 85/100.", 85), ("Score：85", 85), ("score 85", None),
        ("Final Score: 85", 85), ("Rating: 85%", 85), ("The score is 85.", 85),
        ("Score (0-100): 85", 85), ("Score (out of 100): 85", 85), ("My rating is 85.", 85),
        ("Score on a scale of 0 to 100: 85", 85), ("# Score:\n85", 85), ("Answer: 85", 85),
        ("I would give this sentence 85 out of 100, since the bus is red.", 85),
        ("I'd say 85/100.", 85), ("評分", None), ("评分：85", 85), ("得分: 85分", 85), ("85分", 85),
        ('{"score": 40}', 40), ('{"score": "40"}', 40), ('{"Score": 40.5}', 40.5),
        ('{"score": "85/100"}', 85), ('{"reason": "Two of 3 dogs.", "score": 85}', 85),
        ('```json\n{"score": 85}\n```', 85),
        ('```\n{"score": 85,\n "why": "all 4 are there"}\n```', 85),
        ('Here it is:\n\n```json\n{"score": 85}\n```\nAll 3 dogs are there.', 85),
        ('{"score": 85} The 2 dogs are there.', 85), ("$\\boxed{85}$", 85), ("[[85]]", 85),
        ("The sentence counts 3 dogs.\n\nScore: 85", 85), ("Score: 85\nThere are 3 dogs.", 85),
        ("85\n\nThere are 3 dogs, and the sentence says so.", 85),
        ("Both are there.\n\n**85**", 85),
        ("Colour score: 90\nCount score: 40\nFinal score: 60", 60), ("Score: 85, score: 85", 85),
        ("Score: 1", 1), ("1", 1), ("0", 0), ("0.0", 0), ("100.0", 100),
    ],
)  # fmt: skip
def test_a_number_that_is_written_clearly_is_read(answer: str, score: float | None) -> None:
    found = score_in(answer, HUNDRED)
    assert (None if isinstance(found, ItemFailure) else found) == score


@pytest.mark.parametrize(
    "answer",
    [
        "eighty", "85 or 90", "85-90", "Score: 85-90", "between 80 and 90", "I would say 85",
        "8 5", "1e2", "[85, 90]", "٨٥", "Score: 80\nScore: 90", "Score: N/A", "1,000", "yes",
        "Score: 60 to 70", '{"score": true}', '{"score": null}', '{"score": 85, "score": 20}',
        '{"score": 85} or else {"score": 20}',
        '{"score": [85]}', '{"rating": "high"}', "There are 3 dogs.", "80\nor rather\n90",
        "1. The bus is red.", "7 out of 100 people wait.", "Score: 85 or 90", "85 ± 5", "12:30",
        "2024-05-01", "The score rose 85", "Score: 8/10 and 85/100", "N/A", "-",
    ],
)  # fmt: skip
def test_what_is_unclear_or_contradicts_itself_is_no_score(answer: str) -> None:
    found = score_in(answer, HUNDRED)
    assert isinstance(found, ItemFailure)
    assert found.code in (ItemCode.ANSWER_NO_SCORE, ItemCode.SCORE_SCALE)
    assert answer[:20] in found.message or repr(answer)[1:15] in found.message


@pytest.mark.parametrize(
    ("answer", "scale"),
    [
        ("0.85", HUNDRED), ("Score: 0.85", HUNDRED), ('{"score": 0.85}', HUNDRED), ("1.0", HUNDRED),
        ("101", HUNDRED), ("-5", HUNDRED), ("8/10", HUNDRED), ("8 out of 10", HUNDRED),
        ('```json\n{"score": "0.9"}\n```', HUNDRED), ("Score: 4/5", HUNDRED),
        ("Score: 850", HUNDRED),
        ("85", TEN), ("0", TEN), ("0.85", TEN), ("11", TEN), ("80/100", TEN), ("80%", TEN),
        ("-3", TEN),
    ],
)  # fmt: skip
def test_a_number_off_the_scale_is_a_failure_and_never_rescaled(
    answer: str, scale: ScoreScale
) -> None:
    found = score_in(answer, scale)
    assert isinstance(found, ItemFailure)
    assert found.code == ItemCode.SCORE_SCALE


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("8", 8), ("8/10", 8), ("Rating: [[8]]", 8), ("Score: 7.5", 7.5), ("1.0", 1), ("10", 10),
        ("8 out of 10", 8), ("评分：[[8]]", 8), ("综合得分：8\n准确性得分：6", 8),
        ("The answer names 12 of the 15 objects.\n\n**Score: 8/10**", 8),
    ],
)  # fmt: skip
def test_other_scales_are_read_the_same_way(answer: str, score: float) -> None:
    assert score_in(answer, TEN) == score


@pytest.mark.parametrize(
    ("raw", "score"),
    [
        (RawAnswer("<think>Perhaps 20? Score: 30.</think>\n\n85"), 85),
        (RawAnswer("It is 20, no.</think>85", begins_in_thought=True), 85),
        (RawAnswer("85", thought="Score: 20"), 85),
        (RawAnswer("<think>20</think><answer>85</answer>"), 85),
        (RawAnswer("<think>20</think>The answer is <|begin_of_box|>85<|end_of_box|>."), 85),
        (RawAnswer("Score: 85<|im_end|>"), 85),
        (RawAnswer("Score: 85. The bus is r", "length"), 85),
        (RawAnswer('{"score": 85, "reason": "The bus', "max_tokens"), 85),
    ],
)
def test_the_score_stands_behind_the_thought(raw: RawAnswer, score: float) -> None:
    assert read_score(raw, HUNDRED) == score


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (RawAnswer("Score: 8", "length"), ItemCode.ANSWER_NO_SCORE),
        (RawAnswer("8", "MAX_TOKENS"), ItemCode.ANSWER_NO_SCORE),
        (RawAnswer('{"score": 8', "length"), ItemCode.ANSWER_NO_SCORE),
        (RawAnswer("<think>Score: 85", "stop"), ItemCode.ANSWER_TRUNCATED),
        (RawAnswer("85", "abort"), ItemCode.ANSWER_UNFINISHED),
        (RawAnswer("85", "SAFETY"), ItemCode.ANSWER_FILTERED),
        (RawAnswer("", "stop"), ItemCode.ANSWER_EMPTY),
    ],
)
def test_a_number_that_may_be_cut_off_is_none(raw: RawAnswer, code: ItemCode) -> None:
    found = read_score(raw, HUNDRED)
    assert isinstance(found, ItemFailure)
    assert found.code == code
