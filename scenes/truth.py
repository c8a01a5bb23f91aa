"""What is true of a sentence: the answer that a perfect annotator would give."""

from dataclasses import dataclass

from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class SentenceTruth:
    """The right answer for one sentence.

    Attributes:
        verdict: What the image says of the sentence.
        spans: The wrong ranges of an incorrect sentence, in order and disjoint, at least one;
            of any other sentence none.

    Raises:
        ValueError: If verdict and spans contradict each other.
    """

    verdict: Verdict
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.INCORRECT) != bool(self.spans):
            raise ValueError(f"{self.verdict} does not go with {len(self.spans)} wrong spans")
