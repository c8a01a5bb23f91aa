"""The demo's second part: questions about drawn scenes, from their import to a calibrated report.

It has a workspace of its own in the demo's. What is said stands in a script: two models that err as
planned, one of them at length, a rewriter, and three judges, one of them taken in by length.
"""

import json
from pathlib import Path
from typing import Final

from alignbench.demo.question_people import rate_everything
from alignbench.demo.scripted_models import Script, answering, judging, rewriting, scripted_endpoint
from alignbench.scenes.planned_answers import Plan, PlannedJudge
from alignbench.scenes.questions import write_scene_questions
from alignbench.terminal.output import say
from alignbench.workspace.workspace import CONFIG_KEY

FOLDER: Final = "questions"
_SCENES: Final = 16
_SAMPLE: Final = 40
_PLANS: Final = {"terse": Plan(7.0), "wordy": Plan(5.5, padded=True)}
_JUDGES: Final = (PlannedJudge.BIASED, PlannedJudge.UNBIASED, PlannedJudge.USELESS)
_REWRITER: Final = "rewriter"


def run_questions(root: Path) -> Path:
    """Builds the workspace, or goes on with it, and writes its report.

    Args:
        root: The demo's workspace.

    Returns:
        The report's page.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    entries, scenes = write_scene_questions(folder / "inputs" / "scenes", _SCENES)
    lines = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
    file = folder / "inputs" / "scenes.jsonl"
    file.write_text(lines, encoding="utf-8")
    models: dict[str, Script] = {
        name: answering(name, plan, scenes) for name, plan in _PLANS.items()
    }
    models |= {judge.value: judging(judge) for judge in _JUDGES} | {_REWRITER: rewriting}
    with scripted_endpoint(models) as url:
        # The port is another one each time; it belongs to no id.
        (folder / CONFIG_KEY).write_text(_config(url), encoding="utf-8")
        return _road(folder, file)


def _road(folder: Path, file: Path) -> Path:
    from alignbench.flows.questions.importing import import_questions
    from alignbench.flows.questions.judge import judge
    from alignbench.flows.questions.report import question_report
    from alignbench.flows.questions.respond import respond
    from alignbench.flows.questions.rewrite import rewrite
    from alignbench.flows.questions.sample import draw_questions
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.judging.questions.entries import Kind

    address = str(folder)
    images = folder / "inputs" / "scenes"
    done = import_questions(address, Kind.OWN, file, "scenes", images, None)
    say(f"   {done.census.questions:,} questions in English and Chinese about drawn scenes")
    run_flow(rewrite, workspace=address)
    run_flow(respond, workspace=address)
    run_flow(respond, workspace=address, blind=True)
    run_flow(judge, workspace=address)
    drawn = draw_questions(address, _SAMPLE)
    ratings = rate_everything(address)
    say(f"   {ratings:,} ratings by simulated people of the answers to {drawn.drawn:,} questions")
    return question_report(address).page


def _config(url: str) -> str:
    written = (
        "# The demo's questions. The models are scripts: see alignbench/demo/scripted_models.py.\n"
    )
    for name in _PLANS:
        written += _entry("captioners", name, url)
    written += _entry(
        "rewriters", _REWRITER, url, styles=["as somebody would ask a friend"], checked_by=_REWRITER
    )
    for judge in _JUDGES:
        written += _entry("judges", judge.value, url)
    return written


def _entry(section: str, name: str, url: str, **more: object) -> str:
    values = {"name": name, "backend": "openai", "repo": name, "base_url": url, **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"\n[[{section}]]", *lines, ""])
