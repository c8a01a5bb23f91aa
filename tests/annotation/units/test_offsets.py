from hypothesis import example, given
from hypothesis import strategies as st

from alignbench.annotation.units.offsets import marked_range

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(_TEXT, st.data())
@example("🐱 cat 🐱 cat", None)
def test_a_marked_text_is_found_from_either_unit(sentence: str, data: st.DataObject | None) -> None:
    start = data.draw(st.integers(0, len(sentence) - 1)) if data else 8
    end = data.draw(st.integers(start + 1, len(sentence))) if data else 11
    text = sentence[start:end]
    if not text.replace("\\n", " ").split():
        assert marked_range(sentence, text, start, end) is None
        return
    assert marked_range(sentence, text, start, end) == (start, end, False)
    units = _utf16(sentence[:start]), _utf16(sentence[:end])
    place = marked_range(sentence, text, *units)
    assert place is not None
    assert sentence[place.start : place.end].split() == text.replace("\\n", " ").split()


@given(_TEXT, _TEXT, st.integers() | st.none(), st.integers() | st.text())
def test_a_place_always_reads_as_the_text(
    sentence: str, text: str, start: object, end: object
) -> None:
    place = marked_range(sentence, text, start, end)
    if place is not None:
        assert 0 <= place.start < place.end <= len(sentence)
        part = sentence[place.start : place.end]
        assert part.replace("\\n", " ").split() == text.replace("\\n", " ").split()


def test_units_of_utf16_are_recognised_after_an_emoji() -> None:
    assert marked_range("🐱 cat cat", "cat", 3, 6) == (2, 5, True)


def test_the_only_occurrence_of_a_text_proves_its_place() -> None:
    assert marked_range("A red cat.", "red", 400, 900) == (2, 5, True)
    assert marked_range("A red cat.", "red", None, "5") == (2, 5, True)


def test_two_occurrences_prove_nothing() -> None:
    assert marked_range("A cat, a cat.", "cat", 90, 93) is None
    assert marked_range("aaa", "aa", None, None) is None


def test_a_text_that_is_not_there_proves_nothing() -> None:
    assert marked_range("A red cat.", "dog", 2, 5) is None
    assert marked_range("A red cat.", "", 2, 2) is None
    assert marked_range("A red cat.", " ", 1, 2) is None


def test_a_line_break_in_a_selection_is_recognised() -> None:
    assert marked_range("A red\ncat.", "red\\ncat", 2, 9) == (2, 9, False)
    assert marked_range("A red\ncat.", "red cat", 2, 9) == (2, 9, False)
