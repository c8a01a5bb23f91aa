"""Reading an answer to a whole caption: marks become verdicts and spans of its sentences.

A mark on words, or *whole sentence*, makes a sentence incorrect; else *unknown* makes it unknown;
else it is correct, since the annotator has said that every sentence is judged. A mark over several
lines is cut where they end. One that cannot be believed casts doubt on the sentences that it may be
in, and on no others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alignbench.annotation.errors import Doubt
from alignbench.annotation.label_studio.caption_page import (
    CAPTION,
    EVERY_SENTENCE,
    JUDGED,
    UNKNOWN,
    WHOLE_SENTENCE,
)
from alignbench.annotation.label_studio.page import SPANS
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.units.given import AnswerRow, CaptionAsked, Doubtful, GivenAnswer
from alignbench.annotation.units.lines import Part, ShownLines
from alignbench.annotation.units.marked_spans import merged_spans
from alignbench.annotation.units.offsets import is_offset, marked_range
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import AnswerFlag, HallucinationType, Purpose, Verdict


@dataclass(frozen=True, slots=True)
class CaptionSentence:
    """A sentence of a caption, and why it was asked about."""

    sentence_id: str
    text: str
    purpose: Purpose


@dataclass
class _Said:
    """What an answer says of one sentence."""

    spans: list[Span] = field(default_factory=list)
    whole: bool = False
    unknown: bool = False
    flags: list[AnswerFlag] = field(default_factory=list)
    doubts: list[Doubtful] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        if self.spans or self.whole:
            return Verdict.INCORRECT
        return Verdict.UNKNOWN if self.unknown else Verdict.CORRECT


class CaptionContent:
    """A caption that was sent."""

    def __init__(self, unit_id: str, sentences: Sequence[CaptionSentence]) -> None:
        """Notes what was sent.

        Args:
            unit_id: The caption's id.
            sentences: Its sentences, in their order.
        """
        self._asked = CaptionAsked(unit_id, len(sentences))
        self._sentences = tuple(sentences)

    def shown(self) -> Mapping[str, str]:
        """Returns the fields that the task must still have as they were sent."""
        text = self._lines().text
        return {
            "sentence_id": self._asked.unit_id,
            CAPTION: text,
            "text_sha256": text_sha256(text),
        }

    def rows(self, given: GivenAnswer) -> list[AnswerRow | QuarantinedAnnotation]:
        """Reads an answer into a row for each sentence that it can be believed about.

        What is in doubt about the others stands in one row of quarantine.

        Raises:
            Doubtful: Nothing of it can be believed.
        """
        if given.skipped:
            return [self._row(given, sentence, None) for sentence in self._sentences]
        _check_judged(given)
        said = self._said(given.values(SPANS))
        rows: list[AnswerRow | QuarantinedAnnotation] = [
            self._row(given, sentence, one)
            for sentence, one in zip(self._sentences, said, strict=True)
            if not one.doubts
        ]
        doubts = [doubt for one in said for doubt in one.doubts]
        if doubts and not rows:
            raise doubts[0]
        if doubts:
            reason = " ".join(dict.fromkeys(doubt.reason for doubt in doubts))
            doubted = tuple(
                sentence.sentence_id
                for sentence, one in zip(self._sentences, said, strict=True)
                if one.doubts
            )
            rows.append(given.set_aside(doubts[0].doubt, reason, doubted))
        return rows

    def _lines(self) -> ShownLines:
        return ShownLines([sentence.text for sentence in self._sentences])

    def _row(self, given: GivenAnswer, sentence: CaptionSentence, said: _Said | None) -> AnswerRow:
        own = replace(given, purpose=sentence.purpose)
        if said is None:
            return own.about(sentence.sentence_id, sentence.text, caption=self._asked)
        spans = merged_spans(said.spans, sentence.text)
        flags = list(said.flags)
        flags += [AnswerFlag.SPANS_MERGED] if len(spans) < len(said.spans) else []
        flags += [AnswerFlag.WHOLE_SENTENCE] if said.whole else []
        if said.unknown and said.verdict is Verdict.INCORRECT:
            flags.append(AnswerFlag.UNKNOWN_TOO)
        return own.about(
            sentence.sentence_id,
            sentence.text,
            caption=self._asked,
            verdict=said.verdict,
            spans=spans,
            flags=tuple(flags),
        )

    def _said(self, marks: Sequence[JsonObject]) -> list[_Said]:
        lines = self._lines()
        said = [_Said() for _ in self._sentences]
        for mark in marks:
            try:
                self._take(mark, lines, said)
            except Doubtful as doubtful:
                for number in _suspects(mark, lines):
                    said[number].doubts.append(doubtful)
        return said

    def _take(self, mark: JsonObject, lines: ShownLines, said: list[_Said]) -> None:
        labels = _labels(mark)
        text, place = mark.get("text"), None
        if isinstance(text, str):
            place = marked_range(lines.text, text, mark.get("start"), mark.get("end"))
        parts = [] if place is None else list(lines.parts(place.start, place.end))
        if place is None or not parts:
            raise Doubtful(
                Doubt.UNPROVABLE_SPAN,
                f"The text of a mark, {str(text)[:80]!r}, does not prove its place.",
            )
        for part in parts:
            one = said[part.sentence]
            one.whole |= WHOLE_SENTENCE in labels
            one.unknown |= UNKNOWN in labels
            one.spans += self._spans(part, labels)
            one.flags += [AnswerFlag.OFFSETS_REPAIRED] if place.repaired else []
            one.flags += [AnswerFlag.MARK_CUT] if len(parts) > 1 else []

    def _spans(self, part: Part, labels: Sequence[str]) -> Iterator[Span]:
        text = self._sentences[part.sentence].text
        for label in labels:
            if label not in (WHOLE_SENTENCE, UNKNOWN):
                yield Span(
                    start=part.start,
                    end=part.end,
                    type=HallucinationType(label),
                    text=text[part.start : part.end],
                )


def _check_judged(given: GivenAnswer) -> None:
    choices = [value.get("choices") for value in given.values(JUDGED)]
    if choices != [[EVERY_SENTENCE]]:
        raise Doubtful(
            Doubt.UNKNOWN_VERDICT, "It does not say that every sentence of the caption is judged."
        )


def _labels(mark: JsonObject) -> list[str]:
    labels = mark.get("labels")
    words = labels if isinstance(labels, list) else [labels]
    offered = [*HallucinationType, WHOLE_SENTENCE, UNKNOWN]
    if not words or any(word not in offered for word in words):
        raise Doubtful(Doubt.UNKNOWN_TYPE, f"A mark has the labels {str(words)[:80]}.")
    return list(dict.fromkeys(str(word) for word in words))


def _suspects(mark: JsonObject, lines: ShownLines) -> list[int]:
    """Returns the numbers of the sentences that a mark may be in; all if nothing tells."""
    numbers: set[int] = set()
    text, start, end = mark.get("text"), mark.get("start"), mark.get("end")
    if isinstance(text, str):
        numbers.update(lines.holding(text))
    if is_offset(start) and is_offset(end):
        numbers.update(part.sentence for part in lines.parts(start, end))
    return sorted(numbers) or list(range(len(lines.lines)))
