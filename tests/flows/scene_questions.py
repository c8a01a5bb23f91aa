"""Questions about drawn scenes, with the demo's scripted models behind the tests' model server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alignbench.demo.scripted_models import answering, judging
from alignbench.scenes.planned_answers import Plan, PlannedJudge, people_score
from alignbench.scenes.questions import write_scene_questions
from alignbench.scenes.scene import Scene
from tests.flows.question_roads import Script
from tests.generators.endpoint.model_server import said

__all__ = ["Plan", "answerer", "judge", "people_score", "written_questions"]


def written_questions(
    folder: Path, scenes: int
) -> tuple[list[dict[str, Any]], Mapping[str, Scene]]:
    """Draws scenes and returns questions about them; and the scenes by the hash of their file."""
    entries, drawn = write_scene_questions(folder, scenes)
    return list(entries), drawn


def answerer(name: str, plan: Plan, scenes: Mapping[str, Scene]) -> Script:
    """A model that errs as planned; without the image it says that nothing is there."""
    script = answering(name, plan, scenes)
    return lambda asked: said(script(asked.body))


def judge(kind: str) -> Script:
    """A judge: `strict` says what people would, the others as their names tell."""
    script = judging(PlannedJudge(kind))
    return lambda asked: said(script(asked.body))
