"""Which judges the configuration selects, and what each is told beside the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from alignbench.flows.runs.run import Run
from alignbench.flows.selected.chat_models import check_chats
from alignbench.flows.selected.generators import SelectedGenerator, planned_models, register_models
from alignbench.judging.critic.rubric import Rubric, read_rubric, rubric_names
from alignbench.judging.questions.tasks import Task, Tasks, read_tasks
from alignbench.schemas import ids
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.configuration.question_sections import JudgeConfig
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.questions import Judge, Question
from alignbench.schemas.tables import JUDGES
from alignbench.schemas.vocabulary import Direction


@dataclass(frozen=True)
class SelectedJudge:
    """An entry of the configuration, its model, and what it goes by.

    Attributes:
        model: Who is asked.
        rubric: What it goes by.
        tasks: The kinds of questions, with what it is told of each.
        row: All of it, as it is kept.
    """

    model: SelectedGenerator
    rubric: Rubric
    tasks: Tasks
    row: Judge

    @property
    def config(self) -> JudgeConfig:
        """Its entry."""
        return cast(JudgeConfig, self.model.config)

    def task_of(self, question: Question) -> Task:
        """Returns the kind of a question; one that no file describes has no notes."""
        known = self.tasks.by_name.get(question.task)
        return known or Task(name=question.task, category=question.category)


def planned_judges(run: Run) -> list[SelectedJudge]:
    """Returns the configured judges without writing or asking anything."""
    return _with_models(run, planned_models)


def register_judges(run: Run) -> list[SelectedJudge]:
    """Returns the configured judges; new ones get their rows first.

    Raises:
        NoChatModelError: The backend of one holds no conversation.
        ConfigError: Two entries stand for the same judge.
        RubricError: A rubric is not known, or has a mistake.
        TaskFileError: The file of tasks has a mistake.
    """
    check_chats(run.config.judges, "judges")
    judges = _with_models(run, register_models)
    names: dict[str, str] = {}
    for judge in judges:
        other = names.setdefault(judge.row.judge_id, judge.row.name)
        if other != judge.row.name:
            raise ConfigError(
                f"[[judges]] {other!r} and {judge.row.name!r} are the same judge.",
                "Remove one, or let them differ in model, params or rubric; for several draws of "
                "one judge, set its samples.",
            )
    run.workspace.table(JUDGES).append([judge.row for judge in judges], run.run_id)
    return judges


def _with_models(
    run: Run,
    models_of: Callable[[Run, Sequence[GeneratorConfig], Direction], list[SelectedGenerator]],
) -> list[SelectedJudge]:
    if not run.config.judges:
        return []
    path = run.config.questions.tasks
    tasks = read_tasks(None if path is None else run.folder / path)
    rubrics = [_rubric(run, config) for config in run.config.judges]
    # A model by a rubric is another generator than the same model asked a question.
    configs = [
        config.model_copy(update={"instruction": rubric.label})
        for config, rubric in zip(run.config.judges, rubrics, strict=True)
    ]
    models = models_of(run, configs, Direction.I2T)
    return [_judge(*pair, tasks) for pair in zip(models, rubrics, strict=True)]


def _rubric(run: Run, config: JudgeConfig) -> Rubric:
    is_ours = config.rubric in rubric_names() or not config.rubric.endswith(".toml")
    return read_rubric(config.rubric if is_ours else str(run.folder / config.rubric))


def _judge(model: SelectedGenerator, rubric: Rubric, tasks: Tasks) -> SelectedJudge:
    config = cast(JudgeConfig, model.config)
    notes = {
        task.name: said
        for task in tasks.by_name.values()
        if (said := task.notes.get(rubric.language))
    }
    manner: dict[str, ids.JsonValue] = {
        "system_turn": config.system_turn,
        "structured": config.structured,
        "task_notes": notes,
    }
    generator_id = model.row.generator_id
    row = Judge(
        judge_id=ids.judge_id(generator_id, rubric.label, manner),
        name=config.name,
        generator_id=generator_id,
        rubric=rubric.label,
        rubric_text=ids.canonical_json(rubric.model_dump(mode="json", by_alias=True)),
        task_notes=ids.canonical_json(notes),
        system_turn=config.system_turn,
        structured=config.structured,
    )
    return SelectedJudge(model, rubric, tasks, row)
