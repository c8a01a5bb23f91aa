"""The splitter cuts hard captions where a careful reader would, and better than spaCy alone."""

from collections.abc import Iterable

import pytest
import spacy
from spacy.language import Language

from alignbench.annotation.sentences.identity import installed_model
from alignbench.annotation.sentences.splitter import SentenceSplitter
from tests.annotation.sentences.gold import HardCaption, hard_captions

CAPTIONS = hard_captions()


def _as_parameter(caption: HardCaption) -> object:
    misses = pytest.mark.xfail(strict=True, reason=caption.known_miss or "")
    marks = [misses] if caption.known_miss else []
    return pytest.param(caption, id=f"{caption.theme}: {caption.shows}", marks=marks)


@pytest.mark.parametrize("caption", list(map(_as_parameter, CAPTIONS)))
def test_a_hard_caption_is_cut_as_a_careful_reader_cuts_it(
    splitter: SentenceSplitter, caption: HardCaption
) -> None:
    [spans] = splitter.split([caption.text])
    assert [caption.text[start:end] for start, end in spans] == caption.sentences


def test_hard_captions_are_many_and_told_apart() -> None:
    assert len(CAPTIONS) >= 80
    assert len({(caption.theme, caption.shows) for caption in CAPTIONS}) == len(CAPTIONS)


def test_the_splitter_is_right_on_more_captions_than_spacy_alone(
    splitter: SentenceSplitter,
) -> None:
    ours = _exact(splitter.split(caption.text for caption in CAPTIONS))
    package = installed_model().package
    parser = spacy.load(package)
    senter = spacy.load(package, exclude=["parser"])
    senter.enable_pipe("senter")
    sentencizer = spacy.blank("en")
    sentencizer.add_pipe("sentencizer")
    alone = {
        name: _exact(map(_trimmed_sentences, nlp.pipe(caption.text for caption in CAPTIONS)))
        for name, nlp in _named(parser, senter, sentencizer).items()
    }
    assert ours >= 0.95 * len(CAPTIONS)
    assert max(alone.values()) < 0.55 * len(CAPTIONS), alone


def _named(parser: Language, senter: Language, sentencizer: Language) -> dict[str, Language]:
    return {"parser": parser, "senter": senter, "sentencizer": sentencizer}


def _trimmed_sentences(doc: spacy.tokens.Doc) -> list[tuple[int, int]]:
    """spaCy's sentences without the white space around them, for a fair comparison."""
    spans = []
    for sentence in doc.sents:
        text = sentence.text
        start = sentence.start_char + len(text) - len(text.lstrip())
        end = sentence.start_char + len(text.rstrip())
        if start < end:
            spans.append((start, end))
    return spans


def _exact(cut: Iterable[Iterable[tuple[int, int]]]) -> int:
    return sum(
        list(map(tuple, spans)) == caption.spans
        for caption, spans in zip(CAPTIONS, cut, strict=True)
    )
