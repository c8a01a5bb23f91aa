"""An evaluation from end to end: scores, analyses, files, report.

In its folder: `report.html`, `evaluation.json` (what was run), and in `results/` each analysis as
CSV, LaTeX, Parquet and SVG.
"""

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from alignbench.evaluation.analyses.analysis import Analysis
from alignbench.evaluation.analyses.run import Outside, analyse, hardest
from alignbench.evaluation.domains import DomainStep, with_domains
from alignbench.evaluation.entries import DetectorEntry, PreparedDetector, check_names
from alignbench.evaluation.errors import DetectorGaveUpError, NothingToScoreError
from alignbench.evaluation.report.examples import MOST_EXAMPLES, examples
from alignbench.evaluation.report.html import About, render
from alignbench.evaluation.scored import Scored, Sentences, join_scores
from alignbench.evaluation.scores import ScoreTable
from alignbench.evaluation.scoring import Progress, score_release
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.reporting.tables import csv_bytes, latex, parquet_bytes
from alignbench.schemas.errors import MissingExtraError
from alignbench.workspace.store import ObjectStore

REPORT: Final = "report.html"
RECORD: Final = "evaluation.json"
RESULTS: Final = "results"


class Settings(NamedTuple):
    """How an evaluation is done.

    Attributes:
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        split: Only this split of the release; all if None.
        retry: Whether sentences that a detector failed on are tried again.
        figures: Whether figures are drawn, for which Matplotlib is needed.
        outside: Figures to correlate with, if any.
        domains: How images without a domain are given one, if at all.
    """

    resamples: int = 1000
    seed: int = 0
    split: str | None = None
    retry: bool = False
    figures: bool = True
    outside: Outside | None = None
    domains: DomainStep | None = None


class Evaluation(NamedTuple):
    """What an evaluation gave.

    Attributes:
        report: The page.
        analyses: Its tables.
        detectors: The scores.
        gave_up: Why a detector was not asked about every sentence, by its name.
    """

    report: Path
    analyses: Sequence[Analysis]
    detectors: Sequence[Scored]
    gave_up: dict[str, str]


def evaluate(
    address: str,
    entries: Sequence[DetectorEntry],
    out: Path,
    store: ObjectStore,
    settings: Settings | None = None,
    progress: Callable[[str, int], Progress] | None = None,
) -> Evaluation:
    """Scores a release with detectors, analyses the scores and writes the report.

    Args:
        address: The release: a folder, or `s3://bucket/prefix`.
        entries: The detectors.
        out: Folder of the report, made if it is not there.
        store: Where scores are kept; what is there is not scored again.
        settings: How it is done.
        progress: Gives, for a detector's name and the number of sentences, what is told of each
            commit.

    Raises:
        NothingToScoreError: No sentence is known to be correct or incorrect.
        MissingExtraError: Matplotlib is not installed, and figures are to be drawn.
        AlignBenchError: The release, a detector or the store cannot be used.
    """
    settings = settings or Settings()
    if settings.figures:
        _check_figures()
    check_names(list(entries))
    prepared = [PreparedDetector(entry) for entry in entries]
    release = ReleaseReader(open_release(address), settings.split)
    table = release.sentences()
    if not len(table):
        raise NothingToScoreError(
            f"No sentence of {release.address} is known to be correct or incorrect.",
            "Label it first; 'unknown' sentences are not evaluated.",
        )
    notes = []
    if settings.domains is not None:
        table, note = with_domains(release, table, settings.domains, out)
        notes.append(note)
    sentences = Sentences.of(table, release.families)
    scores, run_id = ScoreTable(store), uuid4().hex
    gave_up: dict[str, str] = {}
    found: list[Scored] = []
    for detector in prepared:
        told = progress(detector.name, len(table)) if progress is not None else None
        try:
            score_release(release, table, detector, scores, run_id, told, retry=settings.retry)
        except DetectorGaveUpError as error:
            gave_up[detector.name] = str(error)
        rows = scores.of(detector.detector_id)
        found.append(join_scores(sentences, rows, detector.name, detector.family,
                                 detector.word_threshold))  # fmt: skip
    bootstrap = sentences.bootstrap(settings.resamples, settings.seed)
    analyses = analyse(sentences, found, bootstrap, settings.outside)
    records = [detector.record for detector in prepared]
    notes += [f"{name}: {why}" for name, why in gave_up.items()]
    about = _about(release, sentences, settings, notes)
    figures = _write_results(out / RESULTS, analyses, draw=settings.figures)
    worst = hardest(sentences, found, MOST_EXAMPLES)
    shown = examples(release, sentences, found, worst)
    _write(out / REPORT, render(about, analyses, figures, shown, records).encode())
    _write(out / RECORD, _record(release, settings, about, records))
    return Evaluation(out / REPORT, analyses, found, gave_up)


def _check_figures() -> None:
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError(
            "Figures need the package 'matplotlib', which is not installed.",
            "Run: pip install 'alignbench[evaluation]', or leave them out with --no-figures.",
        ) from None


def _about(
    release: ReleaseReader, sentences: Sentences, settings: Settings, notes: Sequence[str]
) -> About:
    return About(
        release.name,
        len(sentences),
        len(sentences.image.names),
        len(sentences.model.names),
        settings.resamples,
        notes,
    )


def _write_results(folder: Path, analyses: Sequence[Analysis], *, draw: bool) -> dict[str, bytes]:
    figures: dict[str, bytes] = {}
    for analysis in analyses:
        _write(folder / f"{analysis.name}.csv", csv_bytes(analysis.table))
        _write(folder / f"{analysis.name}.parquet", parquet_bytes(analysis.table))
        text = latex(analysis.table, analysis.title, f"tab:{analysis.name}")
        _write(folder / f"{analysis.name}.tex", text.encode())
        if draw:
            from alignbench.evaluation.figures import svg  # Matplotlib is an extra

            drawn = svg(analysis)
            if drawn is not None:
                figures[analysis.name] = drawn
                _write(folder / f"{analysis.name}.svg", drawn)
    return figures


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
        "resamples": settings.resamples,
        "seed": settings.seed,
        "outside": settings.outside.label if settings.outside else None,
        "domains": domains.record() if domains else None,
        "detectors": list(records),
        "alignbench": version("alignbench"),
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
