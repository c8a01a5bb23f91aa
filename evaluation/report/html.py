"""The page of an evaluation."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.report.examples import Example
from alignbench.reporting.html import page_templates, section


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
) -> str:
    """Returns the page.

    Args:
        about: What it is of.
        analyses: Its sections, in order.
        figures: SVG by the name of the analysis.
        examples: Sentences that are shown.
        detectors: What is written down of each detector.
    """
    return (
        page_templates("alignbench.evaluation.report")
        .get_template("report.html.j2")
        .render(
            **about._asdict(),
            sections=[
                section(a.name, a.title, a.method, a.table, a.notes, figures.get(a.name))
                for a in analyses
            ],
            examples=examples,
            detectors=[
                {"name": record["name"], "text": json.dumps(record, ensure_ascii=False)}
                for record in detectors
            ],
        )
    )
