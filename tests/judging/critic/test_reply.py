"""A judge's reply is the right number with its reason, or a failure; never a number made up."""

import json

import pytest

from alignbench.judging.critic.reply import MAX_REASON, ReadJudgement, read_judgement
from alignbench.models.answers.scores import ScoreScale
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure

TEN = ScoreScale(1, 10)

CLEAR: list[tuple[str, float]] = [
    ("7", 7), ("7.5", 7.5), ('"7"', 7), ("7/10", 7), ("8 out of 10", 8), ("[[9]]", 9),
    ("评分：8分", 8), ("**Rating: 9**", 9), ('Rating: "9"', 9), ("Rating = 7.25", 7.25),
    ('{"rating": 7}', 7), ('{"Rating": 7, "Reason": "好"}', 7),
    ('{"Reason": "好", "Rating": 7}', 7), ("{'Rating': 7, 'Reason': 'x'}", 7),
    ('{"rating": "7.5"}', 7.5), ('{"rating": 7.0}', 7), ('{"rating": 10}', 10),
    ('{"rating": 1}', 1), ('{"rating": "7 out of 10"}', 7), ('{"rating": 7,}', 7),
    ('```json\n{"reason": "a\nb", "rating": 6}\n```', 6), ('"rating": 7', 7),
    ("Rating: 8\nReason: fine", 8), ("Reason: fine\nRating: 8", 8),
    ('{"Rating": 8, "Reason": "he said "no" twice"}', 8), ('{"reason": "ok", "rating": 8', 8),
    ("<think>maybe 3</think>{\"rating\": 4}", 4), ('{"rating": 7}\n{"rating": 7}', 7),
    ('{"rating": 7, "reason": "It writes: Rating: 10"}', 7), ('{"rating":7}<|im_end|>', 7),
    ("Overall rating: 6\nStyle rating: 9", 6), ('{"Rating":"7","Reason":"1 dog of 3"}', 7),
    ('{"reason": "好", "rating": "8分"}', 8), ("Reason: fine.\n\n7", 7), ("7\nIt is right.", 7),
    ('\ufeff{"rating": 7}', 7), ('{"rating": 7/10}', 7), ("评分：7分（满分10分）", 7),
    ('{"reason": "It says {\\"rating\\": 10}.", "rating": 3}', 3), ("Rating: **8**", 8),
    ('{"rating_reason": "7 dogs", "rating": 2}', 2), ("Final rating: 6, not a rating of 9", 6),
    ("rating: 6\nscore: 6", 6), ("(8)", 8), ("8.", 8), ("Score: 7 (out of 10)", 7),
]  # fmt: skip
"""What says one number on the scale, clearly, in whatever form."""

NOT_CLEAR: list[tuple[str, ItemCode]] = [
    ("70", ItemCode.SCORE_SCALE), ('{"rating": 70}', ItemCode.SCORE_SCALE),
    ('{"rating": 0}', ItemCode.SCORE_SCALE), ('{"rating": -1}', ItemCode.SCORE_SCALE),
    ("11", ItemCode.SCORE_SCALE), ('{"rating": 0.7}', ItemCode.SCORE_SCALE),
    ("75%", ItemCode.SCORE_SCALE), ("10/100", ItemCode.SCORE_SCALE),
    ('{"rating": null}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": [7]}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": "high"}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": true}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": NaN}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": "7-8"}', ItemCode.ANSWER_NO_SCORE),
    ('{"reason": "fine"}', ItemCode.ANSWER_NO_SCORE), ("good", ItemCode.ANSWER_NO_SCORE),
    ('{"score": {"rating": 7}}', ItemCode.ANSWER_NO_SCORE),
    ("7 or 8", ItemCode.ANSWER_NO_SCORE), ("7-8", ItemCode.ANSWER_NO_SCORE),
    ("Rating: 7\nRating: 8", ItemCode.ANSWER_NO_SCORE),
    ('{"rating": 7} {"rating": 8}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": 7}\nRating: 3', ItemCode.ANSWER_NO_SCORE),
    ('The answer says {"rating": 10}. {"rating": 2}', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": 7, "rating": 9}', ItemCode.ANSWER_NO_SCORE),
    ("7,5", ItemCode.ANSWER_NO_SCORE), ("7.5.1", ItemCode.ANSWER_NO_SCORE),
    ("seven", ItemCode.ANSWER_NO_SCORE), ("There is 1 dog.", ItemCode.ANSWER_NO_SCORE),
    ("1. The dog is wrong.", ItemCode.ANSWER_NO_SCORE),
    ("I cannot rate this.", ItemCode.ANSWER_NO_SCORE),
    ("", ItemCode.ANSWER_EMPTY), ("<think>7", ItemCode.ANSWER_TRUNCATED),
    ('{"rating": 1e1}', ItemCode.ANSWER_NO_SCORE), ("Rating: 7e0", ItemCode.ANSWER_NO_SCORE),
    ("Rating: 7 to 8", ItemCode.ANSWER_NO_SCORE), ("Rating: ７", ItemCode.ANSWER_NO_SCORE),
    ("Rating: VII", ItemCode.ANSWER_NO_SCORE), ("评分：八分", ItemCode.ANSWER_NO_SCORE),
    ("Rating: about 7", ItemCode.ANSWER_NO_SCORE), ("Rating: 10.5", ItemCode.SCORE_SCALE),
    ('```json\n{"rating": 7}\n```\n```json\n{"rating": 9}\n```', ItemCode.ANSWER_NO_SCORE),
    ('{"rating": Infinity}', ItemCode.ANSWER_NO_SCORE), ("Rating: -1", ItemCode.SCORE_SCALE),
    ('{"rating": ""}', ItemCode.ANSWER_NO_SCORE), (" \n", ItemCode.ANSWER_EMPTY),
    ("<|im_end|>", ItemCode.ANSWER_EMPTY),
]  # fmt: skip
"""What says no number, several, or one that is not on the scale."""


def as_asked_for(reply: str) -> bool:
    """Tells whether a reply is what the judge was asked for: one object, two keys, a number."""
    try:
        found = json.loads(reply)
    except ValueError:
        return False
    if not isinstance(found, dict) or set(found) != {"reason", "rating"}:
        return False
    rating = found["rating"]
    return isinstance(rating, int | float) and TEN.lowest <= rating <= TEN.highest


def test_sixty_replies_and_more_are_malformed() -> None:
    replies = {reply for reply, _ in [*CLEAR, *NOT_CLEAR]}
    assert len([reply for reply in replies if not as_asked_for(reply)]) >= 60


@pytest.mark.parametrize(("reply", "score"), CLEAR)
def test_a_number_that_is_written_clearly_is_read(reply: str, score: float) -> None:
    found = read_judgement(RawAnswer(reply), TEN)
    assert isinstance(found, ReadJudgement)
    assert found.score == score


@pytest.mark.parametrize(("reply", "code"), NOT_CLEAR)
def test_anything_else_is_a_failure_with_a_code(reply: str, code: ItemCode) -> None:
    found = read_judgement(RawAnswer(reply), TEN)
    assert isinstance(found, ItemFailure)
    assert found.code == code


def test_a_number_that_may_be_cut_off_does_not_count() -> None:
    found = read_judgement(RawAnswer("Reason: fine\nRating: 1", "length"), TEN)
    assert isinstance(found, ItemFailure)
    whole = read_judgement(RawAnswer('{"rating": 8, "reason": "It is rig', "length"), TEN)
    assert isinstance(whole, ReadJudgement)
    assert whole.score == 8


def test_a_reason_is_what_stands_under_its_key_or_around_the_number() -> None:
    replies = {
        '{"reason": "两只猫\n数错了", "rating": 3}': "两只猫\n数错了",
        'It counts two.\n```json\n{"rating": 3}\n```': "It counts two.",
        "It counts two.\nRating: 3": "It counts two.\nRating: 3",
    }
    for reply, reason in replies.items():
        found = read_judgement(RawAnswer(reply), TEN)
        assert isinstance(found, ReadJudgement)
        assert found.reason == reason


def test_a_reason_is_bounded() -> None:
    found = read_judgement(RawAnswer('{"reason": "' + "x" * 100_000 + '", "rating": 3}'), TEN)
    assert isinstance(found, ReadJudgement)
    assert len(found.reason) <= MAX_REASON + 1


def test_hostile_replies_take_no_time() -> None:
    for reply in ("{" * 100_000, '{"rating":' * 20_000, '{"a":{}} ' * 20_000 + "7"):
        found = read_judgement(RawAnswer(reply), TEN)
        assert isinstance(found, ItemFailure)
        assert found.code == ItemCode.ANSWER_NO_SCORE
