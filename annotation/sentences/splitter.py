"""Cutting captions into sentences, with offsets that index the caption exactly.

Structure first, then punctuation, then spaCy for what punctuation leaves open. A caption without an
open question never reaches spaCy, and the passages that do are short, so time and memory are
bounded for any caption.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from alignbench.annotation.sentences.boundaries import judge_candidates
from alignbench.annotation.sentences.boundary_model import BoundaryModel
from alignbench.annotation.sentences.candidates import Candidate, Decision
from alignbench.annotation.sentences.errors import SplitterUnavailableError
from alignbench.annotation.sentences.identity import SplitterIdentity, installed_model
from alignbench.annotation.sentences.marks import PairedMarks, pair_marks
from alignbench.annotation.sentences.passages import Passage, find_passages
from alignbench.annotation.sentences.spans import SentenceSpan, cut_block
from alignbench.annotation.sentences.structure import (
    Block,
    DroppedKind,
    DroppedRange,
    Structure,
    read_structure,
)

_GROUP_CHARACTERS: Final = 64_000
"""Characters of captions read ahead, so that the model gets full batches."""
_GROUP_CAPTIONS: Final = 256


class SplitCaption(NamedTuple):
    """A caption's sentences, and the ranges that are in none of them.

    Every code point that is not white space is inside exactly one sentence or one dropped range,
    and no letter or digit is dropped but in a heading, a marker, a fence or a tag.
    """

    sentences: list[SentenceSpan]
    dropped: list[DroppedRange]


class SentenceSplitter:
    """Splits captions into sentences with one loaded spaCy model.

    Deterministic, and independent of which captions are given together.

    Args:
        identity: The splitter that a workspace has frozen; None for the installed one.

    Raises:
        MissingExtraError: spaCy or its model is not installed.
        SplitterUnavailableError: `identity` is not the splitter that this installation gives.
    """

    def __init__(self, identity: SplitterIdentity | None = None) -> None:
        installed = installed_model()
        if identity is not None and identity != installed.identity:
            raise SplitterUnavailableError(
                f"These captions were split with {identity}; installed is {installed.identity}.",
                f"Install {identity.model} {identity.model_version} and the release of AlignBench "
                f"with rules version {identity.rules_version}, or split anew with `--resplit`.",
            )
        self.identity = installed.identity
        self._model = BoundaryModel(installed.package)

    def split(self, texts: Iterable[str]) -> Iterator[list[SentenceSpan]]:
        """The sentences of each caption, in order; empty for a caption without any."""
        return (split.sentences for split in self.split_with_structure(texts))

    def split_with_structure(self, texts: Iterable[str]) -> Iterator[SplitCaption]:
        """As `split`, together with the headings, markers and marks that were left out."""
        for group in _groups(texts):
            drafts = [_Draft.of(text) for text in group]
            self._answer(drafts)
            yield from map(_finished, drafts)

    def _answer(self, drafts: Sequence["_Draft"]) -> None:
        asked = [(draft, passage) for draft in drafts for passage in draft.passages]
        texts = [passage.text(draft.structure.prose) for draft, passage in asked]
        for (draft, passage), starts in zip(asked, self._model.sentence_starts(texts), strict=True):
            draft.confirmed.update(passage.answers(draft.structure.prose, starts))


class _JudgedBlock(NamedTuple):
    block: Block
    marks: PairedMarks
    candidates: list[tuple[Candidate, Decision]]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A caption between the rules' decisions and the model's."""

    text: str
    structure: Structure
    blocks: list[_JudgedBlock]
    passages: list[Passage]
    confirmed: set[int]

    @classmethod
    def of(cls, text: str) -> "_Draft":
        structure = read_structure(text)
        is_whole = len(structure.blocks) == 1
        blocks = [_judged(structure.prose, block, is_whole) for block in structure.blocks]
        passages = [
            passage
            for block, _, candidates in blocks
            for passage in find_passages(block.start, block.end, candidates)
        ]
        return cls(text, structure, blocks, passages, set())


def _judged(prose: str, block: Block, is_whole: bool) -> _JudgedBlock:
    marks = pair_marks(prose, block.start, block.end, is_whole_text=is_whole)
    candidates = judge_candidates(prose, block.start, block.end, marks)
    return _JudgedBlock(block, marks, list(candidates))


def _finished(draft: _Draft) -> SplitCaption:
    sentences = [
        sentence
        for block, marks, candidates in draft.blocks
        for sentence in cut_block(
            draft.structure.prose,
            block.start,
            block.end,
            (
                candidate.start
                for candidate, decision in candidates
                if decision is Decision.BREAK or candidate.start in draft.confirmed
            ),
            marks,
        )
    ]
    return SplitCaption(sentences, _left_out(draft.text, sentences, draft.structure.dropped))


def _left_out(
    text: str, sentences: Sequence[SentenceSpan], dropped: Sequence[DroppedRange]
) -> list[DroppedRange]:
    """The structure's dropped ranges that no sentence runs across, and what else is left over."""
    left: list[DroppedRange] = []
    done = 0
    covered = [(start, end, None) for start, end in sentences]
    for start, end, kind in sorted([*covered, *dropped], key=lambda item: (item[0], -item[1])):
        if end <= done:
            continue
        left += _marks_between(text, done, start)
        if kind is not None:
            left.append(DroppedRange(start, end, kind))
        done = end
    return [*left, *_marks_between(text, done, len(text))]


def _marks_between(text: str, start: int, end: int) -> Iterator[DroppedRange]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield DroppedRange(start, end, DroppedKind.MARK)


def _groups(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while group := list(islice(_until_full(remaining), _GROUP_CAPTIONS)):
        yield group


def _until_full(texts: Iterator[str]) -> Iterator[str]:
    size = 0
    for text in texts:
        yield text
        size += len(text)
        if size >= _GROUP_CHARACTERS:
            return
