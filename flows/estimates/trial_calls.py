"""`--dry-run --calls N`: a few real calls to each model, so that estimates rest on what it did."""

from collections.abc import Sequence

from alignbench.engine.report import StageReport
from alignbench.engine.running import run_stage
from alignbench.engine.stage import Limits, Stage
from alignbench.flows.caption import CaptionStage
from alignbench.flows.imagine import ImagineStage
from alignbench.flows.prompts import PromptsStage
from alignbench.flows.questions.judge import JudgeStage
from alignbench.flows.questions.respond import RespondStage
from alignbench.flows.questions.rewrite import RewriteStage
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.chat_models import planned_responders, register_responders
from alignbench.flows.selected.generators import (
    SelectedGenerator,
    planned_generators,
    reads_pixels,
    register_generators,
)
from alignbench.flows.selected.judges import planned_judges, register_judges
from alignbench.flows.selected.rewriters import planned_rewriters, register_rewriters
from alignbench.schemas.fence import Fence
from alignbench.schemas.spending import Budget
from alignbench.schemas.vocabulary import Direction, StageName


def try_calls(
    address: str, stage: StageName, calls: int, budget: Budget, *, blind: bool = False
) -> list[StageReport]:
    """Lets each model do a few of its pending items.

    What they make is kept: it is paid for.

    Args:
        address: The workspace.
        stage: One that asks models: `prompts`, `caption`, `imagine`, `rewrite`, `respond`, `judge`.
        calls: How many items for each model.
        budget: What all runs may spend together.
        blind: Of `respond`, whether no image is shown.

    Raises:
        AlignBenchError: As a run of the stage does.
    """
    run = open_run(address)
    limits = Limits(calls, budget=budget)

    def tried(name: str) -> StageReport:
        def make_stage(_: Fence) -> Stage:
            if stage is StageName.PROMPTS:
                source = PromptsStage(run, name)
                source.write_missing_prompts(calls)
                return source
            return _stage(run, stage, name, blind=blind)

        return run_stage(stage, make_stage, run.context, limits)

    return [tried(name) for name in _models(run, stage)]


def _models(run: Run, stage: StageName) -> list[str]:
    """Returns the names of a stage's models that are asked anything."""
    if stage is StageName.PROMPTS:
        return list(PromptsStage(run).writers())
    if stage is StageName.REWRITE:
        return [rewriter.config.name for rewriter in planned_rewriters(run)]
    if stage is StageName.JUDGE:
        return [judge.config.name for judge in planned_judges(run)]
    if stage is StageName.RESPOND:
        return [selected.config.name for selected in planned_responders(run)]
    if stage is StageName.IMAGINE:
        return [selected.config.name for selected in planned_generators(run, Direction.T2I)]
    captioners = planned_generators(run, Direction.I2T)
    return [selected.config.name for selected in captioners if reads_pixels(selected)]


def _stage(run: Run, stage: StageName, name: str, *, blind: bool) -> Stage:
    """Returns a stage in which one model alone has work."""
    if stage is StageName.REWRITE:
        ours = [one for one in register_rewriters(run) if one.config.name == name]
        return RewriteStage(run, ours)
    if stage is StageName.JUDGE:
        return JudgeStage(run, [one for one in register_judges(run) if one.config.name == name])
    if stage is StageName.RESPOND:
        return RespondStage(run, _named(name, register_responders(run)), (blind,))
    if stage is StageName.IMAGINE:
        return ImagineStage(run, _named(name, register_generators(run, Direction.T2I)))
    return CaptionStage(run, _named(name, register_generators(run, Direction.I2T)))


def _named(name: str, selected: Sequence[SelectedGenerator]) -> list[SelectedGenerator]:
    return [one for one in selected if one.config.name == name]
