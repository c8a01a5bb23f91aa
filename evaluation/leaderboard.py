"""A leaderboard: submissions that were checked, ranked by what their own scores give."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import (
    INTERVAL_METHOD,
    ModelAuroc,
    by_model,
    common_models,
    model_auroc,
)
from alignbench.evaluation.analyses.comparison import comparison, holm
from alignbench.evaluation.analyses.main_table import main_table
from alignbench.evaluation.evaluate import RESULTS, write_results
from alignbench.evaluation.report.html import PACKAGE, analysis_section
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.submissions import Submission
from alignbench.release_format.sentences import ReleaseReader
from alignbench.reporting.html import page_templates

PAGE: Final = "leaderboard.html"

_SCHEMA: Final = {
    "rank": COUNT,
    "detector": TEXT,
    "model": TEXT,
    "auroc": NUMBER,
    **INTERVAL,
    "behind_first": NUMBER,
    "p": NUMBER,
    "p_holm": NUMBER,
    "missing": COUNT,
    "sha256": TEXT,
}


class Refused(NamedTuple):
    """A submission that does not stand on the leaderboard, and why."""

    path: Path
    reasons: Sequence[str]


class Leaderboard(NamedTuple):
    """What came of submissions.

    Attributes:
        report: The page.
        analyses: Its tables, the leaderboard first.
        refused: The submissions that are not on it.
    """

    report: Path
    analyses: Sequence[Analysis]
    refused: Sequence[Refused]


def write_leaderboard(
    reader: ReleaseReader,
    sentences: Sentences,
    submissions: Sequence[Submission],
    out: Path,
    *,
    figures: bool = True,
) -> Leaderboard:
    """Checks submissions, ranks those that hold, and writes the page with its tables.

    Args:
        reader: The release.
        sentences: Those of it that are evaluated.
        submissions: What is to be ranked.
        out: Folder of the page, made if it is not there.
        figures: Whether figures are drawn.
    """
    held, refused = [], []
    names: set[str] = set()
    for submission in submissions:
        reasons = list(submission.problems(reader, sentences))
        if submission.claim.name in names:
            reasons.append(f"another submission has the name {submission.claim.name!r}")
        if reasons:
            refused.append(Refused(submission.path, reasons))
        else:
            names.add(submission.claim.name)
            held.append(submission)
    analyses = _analyses(sentences, held)
    out.mkdir(parents=True, exist_ok=True)
    drawn = write_results(out / RESULTS, analyses, draw=figures)
    page = page_templates(PACKAGE).get_template("leaderboard.html.j2")
    text = page.render(
        release=reader.name,
        sentences=len(sentences),
        refused=[{"path": r.path.name, "reasons": "; ".join(r.reasons)} for r in refused],
        sections=[analysis_section(a, drawn.get(a.name)) for a in analyses],
    )
    (out / PAGE).write_text(text, encoding="utf-8")
    return Leaderboard(out / PAGE, analyses, refused)


def _analyses(sentences: Sentences, held: Sequence[Submission]) -> list[Analysis]:
    scored = [submission.scored(sentences) for submission in held]
    aurocs = [None if d.says_nothing else model_auroc(sentences, d.scores) for d in scored]
    told = [(d, found) for d, found in zip(scored, aurocs, strict=True) if found is not None]
    usable, known = [d for d, _ in told], [found for _, found in told]
    of_models = by_model(sentences, scored, aurocs)
    return [
        _ranked(held, scored, aurocs),
        main_table(of_models),
        of_models,
        comparison(sentences, usable, known),
    ]


def _ranked(
    held: Sequence[Submission], scored: Sequence[Scored], aurocs: Sequence[ModelAuroc | None]
) -> Analysis:
    found = [auroc for auroc in aurocs if auroc is not None]
    models = common_models(found) if found else np.zeros(0, bool)
    means = [None if auroc is None else auroc.mean(models) for auroc in aurocs]
    values = [-np.inf if mean is None or np.isnan(mean.value) else mean.value for mean in means]
    order = sorted(range(len(held)), key=lambda place: -values[place])
    first = means[order[0]] if order else None
    rows = []
    for place in order:
        mean, submission = means[place], held[place]
        columns = {
            # Those with the same figure share a rank.
            "rank": 1 + sum(value > values[place] for value in values),
            "detector": scored[place].name,
            "model": str(submission.claim.detector.get("repo") or ""),
            "missing": int((~scored[place].there).sum()),
            "sha256": hashlib.sha256(submission.path.read_bytes()).hexdigest(),
            "why_null": scored[place].says_nothing,
        }
        if mean is not None and first is not None and mean is not first:
            behind = first - mean
            columns |= {"behind_first": behind.value, "p": behind.two_sided_p()}
        rows.append(with_interval(columns, "auroc", mean))
    tested = [row for row in rows if row.get("p") is not None]
    for row, p in zip(tested, holm([float(str(row["p"])) for row in tested]), strict=True):
        row["p_holm"] = p
    return Analysis(
        "leaderboard",
        "Leaderboard",
        "Ranked by the unweighted mean AUROC over the generating models for which every "
        "submission has a figure, computed again from the submitted scores. `behind_first` is the "
        "paired difference to the first; p is of no difference, p_holm corrected for the number "
        f"of submissions. `sha256` is of the submitted file. {INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        None,
    )
