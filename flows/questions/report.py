"""questions report: what the answers to questions say of models and judges.

What comes in: questions, answers, judgements, ratings. What goes out: `report.html`, which opens
offline, and its tables as CSV and LaTeX. It asks no model, and may be written again at any time.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.annotation.units.checked_variants import said_by_people
from alignbench.flows.questions.rated_answers import GivenRating, newest_ratings, rated_by_people
from alignbench.flows.runs.errors import NoJudgeError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.answerers import answering_models
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.questions import decided_variants, refused_notes, selected_questions
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.judging.question_set import question_set
from alignbench.judging.report.page import PAGE, report_files
from alignbench.judging.report.results import Answerer, Answers, JudgeFacts, Results
from alignbench.judging.report.rewriting import Rewritten
from alignbench.reporting.jackknife import Floats
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES
from alignbench.workspace.stores.local import LocalStore

_FOLDER: Final = Path("evaluations", "questions")


class QuestionReport(NamedTuple):
    """A report that was written.

    Attributes:
        page: Its page.
        tables: Its tables by their names.
        notes: What a reader must know of all of it.
    """

    page: Path
    tables: Mapping[str, pa.Table]
    notes: Sequence[str]


def question_report(
    address: str, out: Path | None = None, *, figures: bool = True
) -> QuestionReport:
    """Writes a report on a workspace's questions.

    Args:
        address: The workspace.
        out: The folder to write to; by default one in the workspace, or in the current folder
            where that is on S3.
        figures: Whether figures are drawn.

    Raises:
        MissingExtraError: Figures are wanted, and Matplotlib is not installed.
        NoJudgeError: Nothing was judged.
    """
    if figures and find_spec("matplotlib") is None:
        raise MissingExtraError(
            "Figures need Matplotlib, which is not installed.",
            "Run: pip install 'alignbench[figures]', or leave them out with --no-figures.",
        )
    run = open_run(address)
    results, notes = question_results(run)
    if not results.judges:
        raise NoJudgeError(
            "No answer was judged by a configured judge, so there is nothing to report.",
            "Run 'alignbench respond', then 'alignbench judge'.",
        )
    folder = out or (_FOLDER if address.startswith("s3://") else Path(address) / _FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    store = LocalStore(folder)
    report = report_files(results, notes, draw=figures)
    for name, data in report.files.items():
        store.write(name, data)
    return QuestionReport(folder / PAGE, report.tables, notes)


def question_results(run: Run) -> tuple[Results, list[str]]:
    """Returns all that the configured models and judges said, and what was left out of it."""
    asked = list(selected_questions(run).values())
    place = {one.asked_id: number for number, one in enumerate(asked)}
    questions = question_set([one.question for one in asked])
    responders = {row.generator_id for row in answering_models(run)}
    responses: dict[str, tuple[Answerer, int]] = {}
    texts: dict[Answerer, list[str | None]] = {}
    further = 0
    for row in run.workspace.table(RESPONSES).rows():
        if row.generator_id not in responders or row.asked_id not in place:
            continue
        if row.sample_index:
            further += 1
            continue
        answerer = Answerer(row.model, row.blind)
        responses[row.response_id] = answerer, place[row.asked_id]
        texts.setdefault(answerer, [None] * len(asked))[place[row.asked_id]] = row.text
    draws = _draws(run, responses, len(asked))
    given = newest_ratings(run, responses)
    people = _people(given, len(asked))
    judges = [judge for judge in draws if draws[judge]]
    nobody = np.full(len(asked), np.nan)
    answers = {
        answerer: Answers(
            texts[answerer],
            {judge: draws[judge].get(answerer, nobody[:, None]) for judge in judges},
            people.get(answerer, nobody),
        )
        for answerer in sorted(texts)
    }
    notes = [f"{line[0].upper()}{line[1:]}." for line in refused_notes(run)]
    if further:
        notes.append(f"{further:,} further samples of answers are left out: the first counts.")
    rated = rated_by_people(run, [one.asked_id for one in asked], questions, given)
    return Results(asked, questions, judges, answers, rated, _rewritten(run)), notes


def _rewritten(run: Run) -> Rewritten | None:
    variants = decided_variants(run)
    writers = {one.writer.row.generator_id: one.config.name for one in planned_rewriters(run)}
    return Rewritten(variants, writers, said_by_people(run.workspace)) if variants else None


def _draws(
    run: Run, responses: dict[str, tuple[Answerer, int]], count: int
) -> dict[JudgeFacts, dict[Answerer, Floats]]:
    """Returns the scores of each judge about each model's answers."""
    found: dict[JudgeFacts, dict[Answerer, Floats]] = {}
    by_id: dict[str, tuple[JudgeFacts, int]] = {}
    for one in planned_judges(run):
        facts = JudgeFacts(one.row.name, one.row.rubric, one.rubric.scale)
        by_id[one.row.judge_id] = facts, one.config.samples
        found[facts] = {}
    for row in run.workspace.table(JUDGEMENTS).rows():
        if row.judge_id not in by_id or row.response_id not in responses:
            continue
        facts, samples = by_id[row.judge_id]
        answerer, place = responses[row.response_id]
        if row.draw < samples:
            empty = np.full((count, samples), np.nan)
            found[facts].setdefault(answerer, empty)[place, row.draw] = row.score
    return found


def _people(given: Sequence[GivenRating], count: int) -> dict[Answerer, Floats]:
    """Returns the mean rating of each answer that people rated."""
    total: dict[Answerer, Floats] = {}
    number: dict[Answerer, Floats] = {}
    for one in given:
        total.setdefault(one.answerer, np.zeros(count))[one.place] += one.rating
        number.setdefault(one.answerer, np.zeros(count))[one.place] += 1
    return {
        answerer: np.divide(
            total[answerer], number[answerer], out=np.full(count, np.nan),
            where=number[answerer] > 0,
        )
        for answerer in total
    }  # fmt: skip
