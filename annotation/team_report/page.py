"""The files of the report on a team: a page that opens offline, and each table as CSV."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from alignbench.annotation.team_report.needing_help import Need
from alignbench.annotation.team_report.sections import Part
from alignbench.annotation.team_report.shown_sentences import ShownSentence
from alignbench.reporting.html import page_templates, section
from alignbench.reporting.pieces import Piece
from alignbench.reporting.tables import csv_bytes, spreadsheet_safe

PAGE: Final = "team.html"


class _Example(NamedTuple):
    """An answer as the page shows it."""

    image: str | None
    given: tuple[Piece, ...]
    verdict: str
    beside: str
    right: tuple[Piece, ...]


class _ShownNeed(NamedTuple):
    annotator: str
    what: str
    figures: str
    examples: Sequence[_Example]


def team_files(
    parts: Sequence[Part],
    needs: Sequence[Need],
    sentences: Mapping[str, ShownSentence],
    *,
    renewed_every: float | None = None,
) -> dict[str, bytes]:
    """Returns the files of the report by their names.

    Args:
        parts: Its sections.
        needs: Who needs help.
        sentences: The sentences that show it, by id; one that is not there is not shown.
        renewed_every: Seconds after which the page is to be loaded again; None if it stays.
    """
    files = {f"{part.name}.csv": csv_bytes(spreadsheet_safe(part.table)) for part in parts}
    page = (
        page_templates("alignbench.annotation.team_report")
        .get_template("team.html.j2")
        .render(
            sections=[section(p.name, p.title, p.method, p.table, p.notes) for p in parts],
            needs=[_shown(need, sentences) for need in needs],
            renewed_every=None if renewed_every is None else max(1, round(renewed_every)),
        )
    )
    files[PAGE] = page.encode()
    return files


def _shown(need: Need, sentences: Mapping[str, ShownSentence]) -> _ShownNeed:
    examples = [
        _Example(
            sentences[one.sentence_id].image,
            sentences[one.sentence_id].marked(one.spans),
            one.verdict,
            one.beside,
            sentences[one.sentence_id].marked(one.right_spans) if one.right_spans else (),
        )
        for one in need.shown
        if one.sentence_id in sentences
    ]
    return _ShownNeed(need.annotator, need.what, need.figures, examples)
