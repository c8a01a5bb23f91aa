"""An evaluation from end to end: scores, analyses, files, report.

In its folder: `report.html`, `sentences.html` with what it shows in `sentences/`, `evaluation.json`
(what was run), and in `results/` each analysis as CSV, LaTeX, Parquet and SVG.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.analyses.run import Outside, analyse, hardest
from alignbench.evaluation.analysis_aids import found_aids
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector
from alignbench.evaluation.domains import DomainStep, with_domains
from alignbench.evaluation.errors import NothingToScoreError
from alignbench.evaluation.report.browser import write_browser
from alignbench.evaluation.report.examples import MOST_EXAMPLES, examples
from alignbench.evaluation.report.html import About, render
from alignbench.evaluation.results import Results
from alignbench.evaluation.scores.costs import running
from alignbench.evaluation.scores.scored import Scored, Sentences, join_scores
from alignbench.evaluation.scores.scores import RECORD, score_rows
from alignbench.evaluation.submissions import SUFFIX, claim_of, write_submission
from alignbench.release_format.sentences import ReleaseReader
from alignbench.reporting.latex import latex, latex_matrix
from alignbench.reporting.matrix import turned
from alignbench.reporting.tables import csv_bytes, parquet_bytes
from alignbench.schemas.errors import MissingExtraError, UsageError
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.workspace import Workspace

REPORT: Final = "report.html"
RESULTS: Final = "results"
_JUDGED_SET: Final = "seetrue_feedback"
SUBMISSIONS: Final = "submissions"


class Settings(NamedTuple):
    """How an evaluation is done.

    Attributes:
        split: Only this split of the release; all if None.
        retry: Whether sentences that a detector failed on are tried again.
        figures: Whether figures are drawn, for which Matplotlib is needed.
        submissions: Whether each detector's scores are written as a file for a leaderboard.
        dollars_per_hour: What an hour of the machine costs on which detectors ran, if known.
        sentences: Whether the browser of single sentences is written, with copies of the images.
        outside: Figures to correlate with, if any.
        domains: How images without a domain are given one, if at all.
        gold: True verdicts by sentence, beside those of the release's workspace.
        unknown: Whether sentences of unknown verdict are scored too, to bound what they could do;
            those that a file of scores lists are in any case.
        entailment: The NLI model that SeeTRUE-Feedback is judged by, if any.
        parts_of_speech: The spaCy model that words are tagged by, if any.
    """

    split: str | None = None
    retry: bool = False
    figures: bool = True
    sentences: bool = True
    submissions: bool = False
    dollars_per_hour: float | None = None
    outside: Outside | None = None
    domains: DomainStep | None = None
    gold: Mapping[str, Verdict] = {}
    unknown: bool = False
    entailment: str | None = None
    parts_of_speech: str | None = None

    def check(self) -> None:
        """Checks that it can be done here.

        Raises:
            MissingExtraError: Figures are to be drawn, and Matplotlib is not installed.
        """
        if self.figures and find_spec("matplotlib") is None:
            raise MissingExtraError(
                "Figures need the package 'matplotlib', which is not installed.",
                "Run: pip install 'alignbench[evaluation]', or leave them out with --no-figures.",
            )


class Evaluation(NamedTuple):
    """What an evaluation gave.

    Attributes:
        report: The page.
        analyses: Its tables.
        detectors: The scores.
        gave_up: Why a detector was not asked about every sentence, by its name.
        sentences: What was scored.
    """

    report: Path
    analyses: Sequence[Analysis]
    detectors: Sequence[Scored]
    gave_up: dict[str, str]
    sentences: Sentences

    @property
    def results(self) -> Results:
        """Its tables and figures by their names, and the scores beside the sentences."""
        return Results(self.analyses, self.detectors, self.sentences)


def evaluated_sentences(
    reader: ReleaseReader, settings: Settings, out: Path, notes: Sequence[str] = ()
) -> Sentences:
    """Returns the sentences of a release that are known to be correct or incorrect.

    Args:
        reader: The release.
        settings: Whether missing domains are guessed.
        out: Where such guesses are kept.
        notes: What else the report is to say.

    Raises:
        NothingToScoreError: There is none.
        UsageError: An NLI model is named, and the release is not of the set that it is for.
    """
    if settings.entailment is not None and reader.import_kind != _JUDGED_SET:
        raise UsageError(
            f"{reader.address} is not SeeTRUE-Feedback, which alone is judged by entailment.",
            "Leave out --entailment.",
        )
    table = reader.sentences()
    if not len(table):
        raise NothingToScoreError(
            f"No sentence of {reader.address} is known to be correct or incorrect.",
            "Label it first; 'unknown' sentences are not evaluated.",
        )
    if settings.domains is not None:
        table, note = with_domains(reader, table, settings.domains, out)
        notes = [*notes, note]
    return Sentences.of(table, reader.families, notes, reader.import_kind)


def sentences_to_score(
    reader: ReleaseReader, sentences: Sentences, detector: PreparedDetector, settings: Settings
) -> pa.Table:
    """Returns what a detector is asked about: all known sentences, and perhaps unknown ones."""
    listed = detector.listed_sentences()
    if not settings.unknown and listed is None:
        return sentences.table
    unknown = reader.sentences(Verdict.UNKNOWN)
    if not settings.unknown:
        unknown = unknown.filter(pc.is_in(unknown["sentence_id"], pa.array(listed, pa.string())))
    return pa.concat_tables([sentences.table, unknown.cast(sentences.table.schema)])


def report_scores(
    reader: ReleaseReader,
    sentences: Sentences,
    detectors: Sequence[PreparedDetector],
    workspace: Workspace,
    out: Path,
    settings: Settings,
    gave_up: dict[str, str],
) -> Evaluation:
    """Analyses the scores that detectors gave, and writes the report.

    Args:
        reader: The release.
        sentences: Those that were scored.
        detectors: Who scored them.
        workspace: Where the scores are.
        out: Folder of the report, made if it is not there.
        settings: How it is done.
        gave_up: Why a detector was not asked about every sentence, by its name.
    """
    scored = [_scored(sentences, detector, workspace, settings) for detector in detectors]
    aids = found_aids(
        reader,
        detectors,
        workspace,
        settings.gold,
        settings.entailment,
        settings.parts_of_speech,
    )
    analyses = analyse(sentences, scored, settings.outside, aids)
    figures = write_results(out / RESULTS, analyses, draw=settings.figures)
    records = [detector.record for detector in detectors]
    notes = [*sentences.notes, *(f"{name}: {why}" for name, why in gave_up.items())]
    about = _about(reader, sentences, notes)
    worst = hardest(sentences, scored)
    shown = examples(reader, sentences, scored, worst[:MOST_EXAMPLES])
    page = write_browser(out, reader, sentences, scored, worst) if settings.sentences else None
    _write(out / REPORT, render(about, analyses, figures, shown, records, page).encode())
    if settings.submissions:
        _write_submissions(out / SUBMISSIONS, reader, sentences, scored, records)
    _write(out / RECORD, _record(reader, settings, about, records))
    return Evaluation(out / REPORT, analyses, scored, gave_up, sentences)


def _scored(
    sentences: Sentences, detector: PreparedDetector, workspace: Workspace, settings: Settings
) -> Scored:
    rows = score_rows(workspace, detector.detector_id)
    name, family, threshold = detector.name, detector.family, detector.word_threshold
    found = join_scores(sentences, rows, name, family, threshold)
    seconds = pc.mean(rows["seconds"]).as_py()
    return replace(found, running=running(detector, sentences, seconds, settings.dollars_per_hour))


def _about(release: ReleaseReader, sentences: Sentences, notes: Sequence[str]) -> About:
    return About(
        release.name,
        len(sentences),
        len(sentences.image.names),
        len(sentences.model.names),
        notes,
    )


def _write_submissions(
    folder: Path,
    reader: ReleaseReader,
    sentences: Sentences,
    scored: Sequence[Scored],
    records: Sequence[dict[str, Any]],
) -> None:
    for detector, record in zip(scored, records, strict=True):
        claim = claim_of(reader, sentences, detector, record, version("alignbench"))
        path = folder / f"{detector.name}{SUFFIX}"
        write_submission(path, sentences, detector, claim)


def write_results(folder: Path, analyses: Sequence[Analysis], *, draw: bool) -> dict[str, bytes]:
    """Writes each analysis as CSV, Parquet, LaTeX and SVG; returns the figures by name."""
    figures: dict[str, bytes] = {}
    for analysis in analyses:
        _write(folder / f"{analysis.name}.csv", csv_bytes(analysis.table))
        _write(folder / f"{analysis.name}.parquet", parquet_bytes(analysis.table))
        _write(folder / f"{analysis.name}.tex", _latex(analysis).encode())
        if draw:
            from alignbench.evaluation.figures.figure import svg  # Matplotlib is an extra

            drawn = svg(analysis)
            if drawn is not None:
                figures[analysis.name] = drawn
                _write(folder / f"{analysis.name}.svg", drawn)
    return figures


def _latex(analysis: Analysis) -> str:
    label = f"tab:{analysis.name}"
    if analysis.matrix is None:
        return latex(analysis.table, analysis.title, label)
    caption = f"{analysis.title}. {analysis.matrix.legend()}".strip()
    return latex_matrix(turned(analysis.told, analysis.matrix), caption, label)


def _record(
    release: ReleaseReader, settings: Settings, about: About, records: Sequence[dict[str, Any]]
) -> bytes:
    domains = settings.domains
    record = {
        "release": release.name,
        "release_sha256sums": release.checksum,
        "split": settings.split,
        "sentences": about.sentences,
        "images": about.images,
        "outside": settings.outside.label if settings.outside else None,
        "domains": domains.record() if domains else None,
        "gold": len(settings.gold),
        "unknown": settings.unknown,
        "entailment": settings.entailment,
        "parts_of_speech": settings.parts_of_speech,
        "detectors": list(records),
        "alignbench": version("alignbench"),
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
