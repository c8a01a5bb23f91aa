"""What holds for any caption: offsets are exact, nothing is lost, batches do not matter."""

import random
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.annotation.sentences.splitter import SentenceSplitter, SplitCaption
from alignbench.annotation.sentences.structure import DroppedKind
from tests.annotation.sentences.gold import hard_captions

PIECES = [
    "A dog", "the cat", "It is red", "Dr", "e.g", "p.m", "St", "J", "3", "14", "3.5", "U.S", "STOP",
    "photo.jpg", "www.example.com", "iPhone", "Yahoo", "Colors", "is", "犬がいます", "红色的车",
    "हिन्दी", "שלום", "كلب", "e\u0301", "👨‍👩‍👧", "🌞", "❤️", "①", "1️⃣",
    ".", ".", ".", "!", "?", "…", "...", ":", ";", ",", "。", "！", "؟", "।", "-", "–", "—",
    '"', "'", "“", "”", "«", "»", "「", "」", "(", ")", "[", "]", "*", "**", "***", "_", "__", "`",
    "```", "# ", "## ", "- ", "* ", "• ", "1. ", "2) ", "> ", "|", "|---|", "---", "===", "[x] ",
    "<br>", "<li>", "</p>", "<h2>", "&nbsp;", "\u200b", "\u200e", "\u00ad", "\ufeff", "။", "།",
    "(1) ", "(2) ", "a. ", "b. ", "1. ", "2. ", "```python\n", "\n```\n", "6 ft", "2 in",
    " ", " ", " ", " ", "\n", "\n", "\n\n", "\t", "\u00a0", "\u200d", "\u2028", "\r",
]  # fmt: skip
CAPTION = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200)
MAY_HOLD_LETTERS = {
    DroppedKind.HEADING, DroppedKind.LIST_MARKER, DroppedKind.FENCE, DroppedKind.TAG,
}  # fmt: skip


def _split(splitter: SentenceSplitter, text: str) -> SplitCaption:
    [result] = splitter.split_with_structure([text])
    return result


@given(text=CAPTION)
@settings(max_examples=400, deadline=None)
def test_sentences_are_sorted_apart_trimmed_and_say_something(
    splitter: SentenceSplitter, text: str
) -> None:
    done = 0
    for start, end in _split(splitter, text).sentences:
        assert done <= start < end <= len(text)
        sentence = text[start:end]
        assert sentence == sentence.strip()
        assert any(char.isalnum() for char in sentence)
        done = end


@given(text=CAPTION)
@settings(max_examples=400, deadline=None)
def test_each_visible_character_is_in_one_sentence_or_one_dropped_range(
    splitter: SentenceSplitter, text: str
) -> None:
    result = _split(splitter, text)
    times_covered = [0] * len(text)
    pieces = [(sentence.start, sentence.end) for sentence in result.sentences]
    pieces += [(dropped.start, dropped.end) for dropped in result.dropped]
    for start, end in pieces:
        for at in range(start, end):
            times_covered[at] += 1
    assert all(
        times == 1 or (times == 0 and char.isspace())
        for times, char in zip(times_covered, text, strict=True)
    )


@given(text=CAPTION)
@settings(max_examples=400, deadline=None)
def test_letters_and_digits_are_dropped_in_headings_markers_and_fences_only(
    splitter: SentenceSplitter, text: str
) -> None:
    for start, end, kind in _split(splitter, text).dropped:
        if any(char.isalnum() for char in text[start:end]):
            assert kind in MAY_HOLD_LETTERS
        if kind is DroppedKind.LIST_MARKER:
            assert sum(char.isalnum() for char in text[start:end]) <= len("viii")


@given(text=CAPTION)
@settings(max_examples=200, deadline=None)
def test_no_sentence_is_cut_off_its_combining_marks(splitter: SentenceSplitter, text: str) -> None:
    for start, end in _split(splitter, text).sentences:
        if text[start:end][0] in "\u0301\ufe0f\u200d\u20e3":
            assert start == 0 or not text[start - 1].isalnum()
        assert end == len(text) or unicodedata.combining(text[end]) == 0


@given(texts=st.lists(CAPTION, max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_caption_is_cut_the_same_alone_and_among_others(
    splitter: SentenceSplitter, texts: list[str]
) -> None:
    together = list(splitter.split_with_structure(texts))
    assert together == [_split(splitter, text) for text in texts]


def test_hard_captions_are_cut_the_same_in_any_order_and_batch(splitter: SentenceSplitter) -> None:
    texts = [caption.text for caption in hard_captions()] * 3
    alone = {text: _split(splitter, text) for text in texts}
    random.Random(7).shuffle(texts)
    assert list(splitter.split_with_structure(texts)) == [alone[text] for text in texts]


def test_captions_are_read_as_they_are_needed(splitter: SentenceSplitter) -> None:
    def captions() -> object:
        while True:
            yield "A cat sits. A dog runs."

    results = splitter.split(captions())  # type: ignore[arg-type]
    assert len(next(results)) == 2


def test_dropped_ranges_say_what_they_are(splitter: SentenceSplitter) -> None:
    text = "# Scene\n> - A cat.\n***\n**Left:** A *dog*. **It runs.**\n```\n|a|\n|-|\n|b|"
    result = _split(splitter, text)
    assert [text[start:end] for start, end in result.sentences] == [
        "A cat.", "A *dog*.", "It runs.", "b",
    ]  # fmt: skip
    assert [(text[start:end], str(kind)) for start, end, kind in result.dropped] == [
        ("# Scene", "heading"), (">", "quote_marker"), ("-", "list_marker"), ("***", "rule"),
        ("**Left:**", "heading"), ("**", "mark"), ("**", "mark"), ("```", "fence"),
        ("|", "table"), ("a", "heading"), ("|", "table"), ("|-|", "table"), ("|", "table"),
        ("|", "table"),
    ]  # fmt: skip
