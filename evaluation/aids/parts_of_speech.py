"""Parts of speech of words, by a spaCy model."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from alignbench.schemas.errors import MissingExtraError

if TYPE_CHECKING:
    from spacy.language import Language

_NOT_NEEDED: Final = ("parser", "senter", "ner", "lemmatizer")
_PUNCTUATION: Final = ("PUNCT", "SYM", "SPACE")
_LONGEST: Final = 20_000
"""Longer texts have no tags: what spaCy needs for one grows with its length."""

Tag = tuple[int, int, str]
"""Where a token begins and ends, and its universal part of speech, such as `NOUN`."""


class Tagger:
    """A spaCy model that tags.

    Args:
        model: The package of the model, such as `en_core_web_sm`.

    Raises:
        MissingExtraError: spaCy or the model is not installed.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        try:
            import spacy

            self._nlp: Language = spacy.load(model, exclude=list(_NOT_NEEDED))
        except (ImportError, OSError):
            raise MissingExtraError(
                f"Parts of speech need spaCy and its model {model!r}, which is not installed.",
                "Run: pip install 'alignbench[pipeline]', and python -m spacy download "
                "en_core_web_sm, or name a model that is installed.",
            ) from None

    def tags(self, texts: Sequence[str]) -> Iterator[list[Tag]]:
        """Yields the tags of each text, punctuation left out; none of a very long one."""
        with self._nlp.memory_zone():
            short = (text if len(text) <= _LONGEST else "" for text in texts)
            for doc in self._nlp.pipe(short):
                yield [
                    (token.idx, token.idx + len(token), token.pos_)
                    for token in doc
                    if token.pos_ not in _PUNCTUATION
                ]
