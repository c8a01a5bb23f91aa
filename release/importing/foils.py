"""Sets that are right or wrong by construction: a caption, and the same with something replaced."""

from collections.abc import Iterator, Mapping

from alignbench.release.importing.placing import word_places
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportedSpan,
)
from alignbench.schemas.vocabulary import HallucinationType, RowFlag, Verdict


def wrong_words(
    original: str, foil: str, old: str, new: str, *, kind: HallucinationType | None
) -> tuple[ImportedSpan, ...]:
    """Returns where a foil has the new words for the old ones; nothing that is not proved.

    A place counts if putting the new words there, in all places of the old ones or in a single one,
    makes exactly the foil of the original. Whole words go before parts of longer ones.
    """
    whole = word_places(original, old, any_case=True)
    parts = _anywhere(original, old)
    choices = [whole, parts, *([place] for place in whole), *([place] for place in parts)]
    for places in choices:
        text, spans = _replaced(original, places, new, kind)
        if places and text == foil:
            return spans
    return ()


def whole_caption(
    text: str,
    *,
    is_foil: bool,
    spans: tuple[ImportedSpan, ...] = (),
    error_type: HallucinationType | None = None,
    flags: tuple[RowFlag, ...] = (),
    own: Mapping[str, JsonValue],
) -> ImportedSentence:
    """Returns a caption as one sentence: right, or wrong at these places if it is the foil."""
    return ImportedSentence(
        0,
        len(text),
        verdict=Verdict.INCORRECT if is_foil else Verdict.CORRECT,
        index=0,
        error_type=error_type if is_foil else None,
        spans=spans if is_foil else (),
        own_labels=own,
        flags=flags if is_foil else (),
    )


def pair(
    origin: str,
    model: str,
    image: ImageReference,
    right: str,
    wrong: str,
    *,
    kind: HallucinationType | None,
    own: Mapping[str, JsonValue],
) -> Iterator[ImportedCaption]:
    """Yields the right and the wrong caption of an image; which words are wrong is not said."""
    for text, is_foil in ((right, False), (wrong, True)):
        labels = {**own, "foil": is_foil}
        sentence = whole_caption(text, is_foil=is_foil, error_type=kind, own=labels)
        yield ImportedCaption(origin, model, image, text, (sentence,))


def _replaced(
    original: str, places: list[tuple[int, int]], new: str, kind: HallucinationType | None
) -> tuple[str, tuple[ImportedSpan, ...]]:
    text, behind = "", 0
    spans = []
    for start, end in places:
        text += original[behind:start]
        if new:
            spans.append(ImportedSpan(len(text), len(text) + len(new), new, kind))
        text += new
        behind = end
    return text + original[behind:], tuple(spans)


def _anywhere(text: str, words: str) -> list[tuple[int, int]]:
    places = []
    start = text.find(words) if words else -1
    while start >= 0:
        places.append((start, start + len(words)))
        start = text.find(words, start + len(words))
    return places
