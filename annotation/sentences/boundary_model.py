"""spaCy's opinion on where sentences begin, in bounded memory."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

from alignbench.annotation.sentences.identity import INSTALL_ADVICE
from alignbench.schemas.errors import MissingExtraError

if TYPE_CHECKING:
    from spacy.language import Language

BATCH_CHARACTERS: Final = 16_000
"""Characters that spaCy holds at once: memory grows with a batch's tokens, not with its texts."""

# Of the model's two components that find sentence starts, the parser is right on more of the hard
# captions than the lighter sentence recogniser (168 against 165 of 173 when this was chosen).
_NOT_NEEDED: Final = ["tagger", "attribute_ruler", "lemmatizer", "ner", "senter"]


class BoundaryModel:
    """A loaded spaCy model, reduced to the dependency parser, which finds sentence starts.

    Args:
        package: An installed model package.

    Raises:
        MissingExtraError: spaCy is not installed.
    """

    def __init__(self, package: str) -> None:
        self._nlp = _load(package)

    def sentence_starts(self, texts: Sequence[str]) -> Iterator[frozenset[int]]:
        """For each text, the offsets of the tokens at which the model begins a sentence."""
        return chain.from_iterable(map(self._batch_starts, _batches(texts)))

    def _batch_starts(self, texts: Sequence[str]) -> list[frozenset[int]]:
        # Without a memory zone the vocabulary keeps every new word for the life of the process.
        with self._nlp.memory_zone():
            return [
                frozenset(token.idx for token in doc if token.is_sent_start)
                for doc in self._nlp.pipe(texts, batch_size=len(texts))
            ]


def _load(package: str) -> "Language":
    try:
        import spacy
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Splitting captions into sentences needs spaCy, which is not installed.",
            INSTALL_ADVICE,
        ) from error
    return spacy.load(package, exclude=_NOT_NEEDED)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
