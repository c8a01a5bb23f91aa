"""Word scores become suggestions: runs of suspicious words, and whose they are."""

from alignbench.evaluation.scores.predictions import predictions
from alignbench.schemas.rows.runs import Score
from alignbench.schemas.rows.spans import WordScore
from alignbench.schemas.vocabulary import ScoreStatus, Verdict

TEXT = "A red, old ball lies there."


def score(sentence_id: str, values: list[float], **changed: object) -> Score:
    offsets = [(0, 1), (2, 5), (5, 6), (7, 10), (11, 15), (16, 20), (21, 26), (26, 27)]
    words = tuple(
        WordScore(start=start, end=end, score=value)
        for (start, end), value in zip(offsets, values, strict=False)
    )
    row = {
        "sentence_id": sentence_id, "image_id": "i", "detector_id": "0123456789abcdef",
        "score": -0.5, "words": words, "status": ScoreStatus.SCORED, "note": None,
        "seconds": None, "release": "r", "attempts": 1,
    } | changed  # fmt: skip
    return Score(**row)  # type: ignore[arg-type]


def test_words_below_the_threshold_become_spans_that_do_not_touch() -> None:
    [found] = predictions(
        [score("s", [0.0, -2.0, -9.0, -1.0, -3.0, 0.0, -1.5, -9.0])], {"s": TEXT}, -0.5
    )
    assert [span.text for span in found.spans] == ["red", "old ball", "there"]
    assert all(TEXT[span.start : span.end] == span.text for span in found.spans)
    assert found.spans[1].score == -3.0
    assert found.verdict is Verdict.INCORRECT


def test_a_sentence_without_such_words_is_suggested_as_correct() -> None:
    [found] = predictions([score("s", [0.0] * 8)], {"s": TEXT}, -0.5)
    assert (found.verdict, found.spans) == (Verdict.CORRECT, ())


def test_nothing_is_suggested_without_a_score_or_without_words() -> None:
    rows = [
        score("s", [-1.0] * 8, score=None, status=ScoreStatus.FAILED),
        score("s", []),
        score("of another workspace", [-1.0] * 8),
    ]
    assert list(predictions(rows, {"s": TEXT}, -0.5)) == []
