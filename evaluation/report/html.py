"""The page of an evaluation."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.report.examples import Example
from alignbench.reporting.html import Section, page_templates, section
from alignbench.reporting.matrix import turned

PACKAGE = "alignbench.evaluation.report"


class About(NamedTuple):
    """What an evaluation is of."""

    release: str
    sentences: int
    images: int
    models: int
    notes: Sequence[str]


def render(
    about: About,
    analyses: Sequence[Analysis],
    figures: Mapping[str, bytes],
    examples: Sequence[Example],
    detectors: Sequence[Mapping[str, Any]],
    browser: str | None = None,
) -> str:
    """Returns the page.

    Args:
        about: What it is of.
        analyses: Its sections, in order; the main table goes before them all.
        figures: SVG by the name of the analysis.
        examples: Sentences that are shown.
        detectors: What is written down of each detector.
        browser: The page of single sentences beside it, if there is one.
    """
    in_order = sorted(analyses, key=lambda analysis: analysis.name != "main_table")
    return (
        page_templates(PACKAGE)
        .get_template("report.html.j2")
        .render(
            **about._asdict(),
            sections=[analysis_section(a, figures.get(a.name)) for a in in_order],
            examples=examples,
            browser=browser,
            detectors=[
                {"name": record["name"], "text": json.dumps(record, ensure_ascii=False)}
                for record in detectors
            ],
        )
    )


def analysis_section(analysis: Analysis, figure: bytes | None) -> Section:
    """Returns the section of an analysis; `figure` is SVG."""
    table = analysis.table
    if analysis.matrix is not None and analysis.matrix.replaces_table:
        table = turned(analysis.told, analysis.matrix)
    return section(analysis.name, analysis.title, analysis.method, table, analysis.notes, figure)
