"""Text is cleaned of what cannot be stored, and of nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.schemas.text import clean_text

any_text = st.text(st.characters(codec=None)) | st.text(
    st.sampled_from("\r\n\t\x00\x0b\x1f\x7f\ud800\udfff\ude00 aé\u0301\U0001f600\u2028\x85\ufeff")
)


@pytest.mark.parametrize(
    ("raw", "text", "removed"),
    [
        ("", "", 0),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n", 0),
        ("\r\r\n\n", "\n\n\n", 0),
        ("a\x00b\x1fc\x7f", "abc", 3),
        ("tab\tstays", "tab\tstays", 0),
        ("lone \ud83d surrogate", "lone  surrogate", 1),
        ("  spaces stay  ", "  spaces stay  ", 0),
        ("e\u0301 and é", "e\u0301 and é", 0),
        ("\ufeff\u200b\u2028\x85", "\ufeff\u200b\u2028\x85", 0),
    ],
)
def test_cleaning_of(raw: str, text: str, removed: int) -> None:
    assert clean_text(raw) == (text, removed)


@given(any_text)
def test_clean_text_is_left_alone(raw: str) -> None:
    text = clean_text(raw).text
    assert clean_text(text) == (text, 0)


@given(any_text)
def test_clean_text_can_be_stored_anywhere(raw: str) -> None:
    text = clean_text(raw).text
    assert text.encode().decode() == text
    assert not [letter for letter in text if letter < " " and letter not in "\t\n"]
    assert "\x7f" not in text


@given(any_text)
def test_what_was_removed_is_counted(raw: str) -> None:
    cleaned = clean_text(raw)
    assert len(cleaned.text) + cleaned.removed + raw.count("\r\n") == len(raw)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_every_other_character_stays(raw: str) -> None:
    assert clean_text(raw) == (raw, 0)
