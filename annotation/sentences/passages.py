"""The short passages that the model reads, each around questions that punctuation left open."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Final, NamedTuple

from alignbench.annotation.sentences.candidates import Candidate, Decision
from alignbench.annotation.sentences.characters import SENTENCE_OPENERS

MAX_PASSAGE: Final = 1_500
"""Code points of the longest passage: spaCy's memory and time grow with it."""
_BEFORE: Final = 400
"""Code points that a passage shows before its first question, where it must be cut."""
_AFTER: Final = 100
"""Code points that it shows after its last."""

# Emphasis and line breaks would mislead the model; replaced one for one, offsets stay.
_PLAIN: Final = str.maketrans(dict.fromkeys("*`\n\t\r\xa0\u202f", " "))


class Passage(NamedTuple):
    """A range of the caption and the candidates in it that the model must judge."""

    start: int
    end: int
    questions: list[Candidate]

    def text(self, prose: str) -> str:
        """What the model reads; its offsets are the caption's, less `start`."""
        return prose[self.start : self.end].translate(_PLAIN)

    def answers(self, prose: str, sentence_starts: AbstractSet[int]) -> Iterator[int]:
        """The boundaries that the model confirms, given where in the text it begins sentences."""
        for question in self.questions:
            first_letter = question.start
            while first_letter < self.end and prose[first_letter] in SENTENCE_OPENERS:
                first_letter += 1
            # The model may count closing and opening marks to either sentence.
            if any(question.mark < self.start + at <= first_letter for at in sentence_starts):
                yield question.start


def find_passages(
    start: int, end: int, judged: Iterable[tuple[Candidate, Decision]]
) -> Iterator[Passage]:
    """Passages of the block from `start` to `end` that hold every question just once.

    A passage is what lies between two boundaries that the rules are sure of: to the model, one or a
    few sentences.
    """
    questions: list[Candidate] = []
    for candidate, decision in judged:
        if decision is Decision.ASK:
            questions.append(candidate)
        elif decision is Decision.BREAK:
            yield from _bounded(start, candidate.start, questions)
            start, questions = candidate.start, []
    yield from _bounded(start, end, questions)


def _bounded(start: int, end: int, questions: list[Candidate]) -> Iterator[Passage]:
    while questions:
        if end - start > MAX_PASSAGE:
            start = max(start, questions[0].start - _BEFORE)
        passage_end = min(end, start + MAX_PASSAGE)
        last = end if passage_end == end else passage_end - _AFTER
        seen = bisect_right(questions, last, key=attrgetter("start"))
        yield Passage(start, passage_end, questions[:seen])
        questions = questions[seen:]
