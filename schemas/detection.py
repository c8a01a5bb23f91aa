"""What a detector must be: it says how likely a sentence is to be right about an image.

A detector is a class behind an entry point of the group `alignbench.detectors`, in a file of its
own. It is made once per process from validated options, then called with batches. It is shown the
image and the sentence alone: not the caption around it, its place there, or who wrote it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from alignbench.schemas.protocols import ItemFailure, Options
from alignbench.schemas.rows.spans import WordScore


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """A sentence about an image. Requests of one image come one after another.

    Attributes:
        sentence_id: Of the sentence.
        text: The sentence.
        image_id: SHA-256 of the image's bytes.
        image: The encoded image; empty for a detector that does not read pixels.
        references: Captions of the image by people, for a detector that asks for them.
    """

    sentence_id: str
    text: str
    image_id: str
    image: bytes = b""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """What a detector says of a sentence.

    Attributes:
        score: Higher is more likely correct. What is not a finite number is never counted.
        words: Scores of single words, lower is more suspicious; half-open offsets in the sentence.
        parts: In how many parts the sentence was scored, where it is longer than the model reads.
    """

    score: float
    words: tuple[WordScore, ...] = ()
    parts: int = 1

    @property
    def is_finite(self) -> bool:
        """Whether the score can be counted."""
        return math.isfinite(self.score)


class Detector(Protocol):
    """A model that scores sentences.

    Attributes:
        options_type: How the backend is reached or run; not part of a detector's identity.
        params_type: What its scores depend on; part of a detector's identity.
        reads_pixels: False if images are not looked at.
    """

    options_type: ClassVar[type[Options]]
    params_type: ClassVar[type[Options]]
    reads_pixels: ClassVar[bool]

    def __init__(
        self,
        repo: str,
        revision: str | None,
        prompt: str | None,
        options: Options,
        params: Options,
    ) -> None: ...

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        """Returns the revision that `repo` stands for now; None where there is no such thing."""
        ...

    @classmethod
    def default_prompt(cls, params: Options) -> str | None:
        """Returns the name of the prompt that it is asked with; None if it is asked nothing."""
        ...

    def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
        """Returns one score, or one failure, for each sentence, in order."""
        ...


@runtime_checkable
class StreamingDetector(Protocol):
    """A detector that is kept busy from one batch to the next, by taking sentences as it can."""

    def score_stream(
        self, requests: Iterator[ScoringRequest]
    ) -> Iterator[tuple[int, SentenceScore | ItemFailure]]:
        """Yields what `score` would give, each with its request's place from 0, in any order."""
        ...


@runtime_checkable
class ListingDetector(Protocol):
    """A detector that has scores of listed sentences, and of no others."""

    @classmethod
    def listed_sentences(cls, options: Options) -> Sequence[str]:
        """Returns the ids of the sentences that it has scores of."""
        ...


@runtime_checkable
class ReferenceDetector(Protocol):
    """A detector that compares a sentence with reference captions, where the release has any."""

    @classmethod
    def most_references(cls, params: Options) -> int:
        """Returns how many references of a sentence it is to be given at the most."""
        ...


@runtime_checkable
class WordDetector(Protocol):
    """A detector that scores words, and has a score below which a word counts as wrong."""

    @classmethod
    def word_threshold(cls, params: Options) -> float:
        """Returns the score below which a word counts as wrong."""
        ...
