"""A page for one annotator: sentences whose answer is known, and that they answered otherwise.

It gives nothing away but these: no counts, no ids, no round, and nothing of sentences that they
answered right or are still to be asked about.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.team_report.quality import GoldAnswer
from alignbench.annotation.team_report.shown_sentences import ShownSentence
from alignbench.reporting.html import page_templates
from alignbench.reporting.pieces import Piece
from alignbench.schemas.vocabulary import HallucinationType, Verdict


class _Said(NamedTuple):
    """An answer in words, and the sentence with its marks."""

    verdict: str
    pieces: Sequence[Piece]


class _Missed(NamedTuple):
    image: str | None
    own: _Said
    checked: _Said


def missed_gold(answers: Sequence[GoldAnswer], annotator: str) -> list[GoldAnswer]:
    """Returns what somebody answered otherwise: with another verdict, or with none of the marks."""
    return [
        answer
        for answer in answers
        if answer.annotator == annotator and not (answer.is_right and _marks_some(answer))
    ]


def feedback_page(
    missed: Sequence[GoldAnswer], sentences: Mapping[str, ShownSentence], texts: AnnotatorTexts
) -> bytes:
    """Returns the page.

    Args:
        missed: What is shown.
        sentences: The sentences, by id; one that is not there is not shown.
        texts: What the page says.
    """
    shown = [
        _Missed(
            sentences[one.sentence_id].image,
            _said(texts, sentences[one.sentence_id], one.verdict, one.spans),
            _said(texts, sentences[one.sentence_id], one.gold.verdict, _spans(one)),
        )
        for one in missed
        if one.sentence_id in sentences
    ]
    templates = page_templates("alignbench.annotation.team_report")
    page = templates.get_template("feedback.html.j2").render(
        texts=texts.feedback, language=texts.language, direction=texts.direction, missed=shown
    )
    return page.encode()


def _marks_some(answer: GoldAnswer) -> bool:
    kinds = {span.type for span in answer.gold.spans}
    return not kinds or any(answer.hits(kind) for kind in kinds)


def _spans(answer: GoldAnswer) -> list[dict[str, Any]]:
    return [{"start": s.start, "end": s.end, "type": s.type.value} for s in answer.gold.spans]


def _said(
    texts: AnnotatorTexts,
    sentence: ShownSentence,
    verdict: Verdict,
    spans: Sequence[Mapping[str, Any]],
) -> _Said:
    named = [{**span, "type": texts.types[HallucinationType(span["type"])].name} for span in spans]
    return _Said(texts.verdicts[verdict].name, sentence.marked(named))
