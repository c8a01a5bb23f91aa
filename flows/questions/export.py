"""questions export: answers with what they were rated, as conversations to train a critic on.

What comes in: answers with people's ratings, or a judge's. What goes out: JSON Lines, one
conversation a rating: what a judge is told and shown, and the reply that gives the rating for the
reason that was given. A critic that is trained on it is asked by `judge` in the same words.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from alignbench.flows.questions.rated_answers import counted_ratings
from alignbench.flows.runs.errors import NothingToExportError
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.answerers import answering_models
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.questions import selected_questions
from alignbench.judging.critic.prompt import Answered, judge_prompt, rated_reply
from alignbench.judging.critic.rubric import Rubric, read_rubric
from alignbench.judging.questions.tasks import Task, Tasks, read_tasks
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.registry import suggestion
from alignbench.schemas.rows.questions import Response
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES

DEFAULT_RUBRIC: Final = "general_v1.en"


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: The file.
        conversations: How many there are.
        with_reason: How many of them give a reason.
        answers: Of how many answers.
    """

    path: Path
    conversations: int
    with_reason: int
    answers: int


class _Said(NamedTuple):
    """What somebody gave an answer."""

    response_id: str
    score: float
    reason: str | None


def export_ratings(
    address: str,
    path: Path,
    *,
    judge: str | None = None,
    rubric: str | None = None,
    only_with_reason: bool = False,
) -> Exported:
    """Writes answers with ratings and reasons in chat format.

    Args:
        address: The workspace.
        path: The file to write; one that is there is replaced.
        judge: Name of the judge whose scores are written; without it, people's ratings.
        rubric: What the conversations go by: a rubric by its name, or the path of a file; without
            it the judge's, else the first judge's, else a general one.
        only_with_reason: Whether ratings without a reason are left out.

    Raises:
        UsageError: No judge of that name is configured.
        NothingToExportError: No answer that is selected now was rated.
        RubricError: There is no such rubric.
    """
    run = open_run(address)
    chosen, tasks = _rubric(run, judge, rubric)
    said = list(_people(run) if judge is None else _judge(run, judge))
    if only_with_reason:
        said = [one for one in said if one.reason]
    lines = list(_lines(run, said, chosen, tasks))
    if not lines:
        raise NothingToExportError(
            "No answer of a configured captioner has been rated"
            + (" with a reason." if only_with_reason else "."),
            "Have people rate answers ('alignbench questions sample', then 'push' and 'pull'), or "
            "name a judge with --judge.",
        )
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with_reason = sum(1 for line in lines if line["has_reason"])
    return Exported(path, len(lines), with_reason, len({line["response_id"] for line in lines}))


def _rubric(run: Run, judge: str | None, rubric: str | None) -> tuple[Rubric, Tasks]:
    judges = {one.row.name: one for one in planned_judges(run)}
    if judge is not None and judge not in judges:
        raise UsageError(f"There is no judge {judge!r}.", suggestion(judge, list(judges)))
    first = judges.get(judge or next(iter(judges), ""))
    if rubric is None and first is not None:
        return first.rubric, first.tasks
    path = run.config.questions.tasks
    tasks = read_tasks(None if path is None else run.folder / path)
    return read_rubric(rubric or DEFAULT_RUBRIC), tasks


def _people(run: Run) -> Iterator[_Said]:
    for row in counted_ratings(run):
        if row.rating is not None:
            yield _Said(row.response_id, row.rating, row.reason)


def _judge(run: Run, name: str) -> Iterator[_Said]:
    samples = {
        one.row.judge_id: one.config.samples for one in planned_judges(run) if one.row.name == name
    }
    for row in run.workspace.table(JUDGEMENTS).rows():
        if row.draw < samples.get(row.judge_id, 0):
            yield _Said(row.response_id, row.score, row.reason)


def _lines(
    run: Run, said: Sequence[_Said], rubric: Rubric, tasks: Tasks
) -> Iterator[dict[str, JsonValue]]:
    """Yields the conversations, sorted by answer, so that the same ratings give the same file."""
    asked = selected_questions(run)
    models = {row.generator_id for row in answering_models(run)}
    wanted = {one.response_id for one in said}
    responses: dict[str, Response] = {
        row.response_id: row
        for row in run.workspace.table(RESPONSES).rows()
        if row.response_id in wanted and row.generator_id in models and row.asked_id in asked
    }
    for one in sorted(said, key=lambda one: (one.response_id, one.score, one.reason or "")):
        response = responses.get(one.response_id)
        if response is None:
            continue
        question = asked[response.asked_id]
        about = question.question
        task = tasks.by_name.get(about.task) or Task(name=about.task, category=about.category)
        answered = Answered(about.history, question.prompt, about.reference, response.text)
        prompt = judge_prompt(rubric, task, answered)
        yield {
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
                {"role": "assistant", "content": rated_reply(one.reason, one.score)},
            ],
            "response_id": response.response_id,
            "cluster": "/".join(question.cluster),
            "task": about.task,
            "language": about.language,
            "model": response.model,
            "rubric": rubric.label,
            "has_reason": bool(one.reason),
        }
