"""Words of a sentence: tokens, or characters where a script has no spaces."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.release import words as module
from alignbench.release.words import words
from alignbench.schemas.errors import MissingExtraError


def texts(sentence: str) -> list[str]:
    return [sentence[start:end] for start, end in words(sentence)]


def test_words_are_tokens_with_punctuation_apart():
    assert texts("A man's red ball, here (left).") == [
        "A", "man", "'s", "red", "ball", ",", "here", "(", "left", ")", ".",
    ]  # fmt: skip


def test_words_are_characters_in_scripts_without_spaces():
    assert texts("猫が🐱座る。") == ["猫", "が", "🐱", "座", "る", "。"]
    assert texts("ที่นั่ง") == ["ที่", "นั่", "ง"]


def test_scripts_may_mix():
    assert texts("The sign 東京 says Tokyo駅") == [
        "The", "sign", "東", "京", "says", "Tokyo", "駅",
    ]  # fmt: skip


@given(st.text(max_size=60))
def test_words_are_in_order_and_hold_all_that_is_not_white_space(text):
    found = words(text)
    covered: set[int] = set()
    for start, end in found:
        assert start < end
        assert not covered or start > max(covered)
        covered.update(range(start, end))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)


def test_without_spacy_the_error_says_what_to_install(monkeypatch):
    module._tokenizer.cache_clear()
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match="pip install") as caught:
        words("A sentence.")
    assert caught.value.code == "AB-C03"
    module._tokenizer.cache_clear()
