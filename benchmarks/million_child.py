"""One planning step of a large workspace, in a process of its own: see `benchmarks.million_rows`.

python -m benchmarks.million_child WORKSPACE STEP
"""

import sys
from collections.abc import Callable, Collection
from itertools import islice
from pathlib import Path

from alignbench.annotation.assigning.dealer import deal
from alignbench.annotation.assigning.dealing import RoundDealer
from alignbench.annotation.assigning.standings import Team
from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.known_answers import KnownAnswers
from alignbench.annotation.rounds.forms import begin_round
from alignbench.engine.pending import Plan
from alignbench.engine.stage import StageInputs
from alignbench.flows.asking.round_inputs import RoundInputs, asked_units
from alignbench.flows.prompts import PromptsStage
from alignbench.flows.runs.run import Run, open_run
from alignbench.generators.prompts.file import PromptFile, PromptFileOptions
from alignbench.schemas.protocols import Surroundings
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.vocabulary import AnnotationUnit

TEAM = Team(frozenset(f"annotator-{number}@example.org" for number in range(40)))
_LEASE_ROWS = 500


def main() -> None:
    """Does the step that the command line names."""
    _, root, step = sys.argv
    STEPS[step](open_run(root))


def _round(run: Run, unit: AnnotationUnit) -> Round:
    settings = run.config.annotation.model_copy(update={"unit": unit})
    return begin_round(run.workspace, f"by {unit}", settings, "benchmark")


def _deal(run: Run, unit: AnnotationUnit) -> None:
    """Deals a round out to a team of forty, none of whom has begun anything."""
    form = _round(run, unit)
    dealer = RoundDealer(run.workspace, form, asked_units(run, form), again=True)
    dealer.deal(deal, TEAM, _nothing_begun, "benchmark")


def _nothing_begun(_: str, __: Collection[str]) -> Collection[str]:
    return ()


def _push(run: Run, unit: AnnotationUnit) -> None:
    """Plans the push of a round that was dealt out, and makes its first tasks' rows ready."""
    _planned(run, RoundInputs(run, None, _round(run, unit), with_undealt=False))


def _planned(run: Run, stage: StageInputs) -> None:
    plan = Plan(stage, run.workspace)
    plan.pending_count()
    for lease in plan.leases(_LEASE_ROWS, None, mix_scopes=True):
        list(islice(lease.items, 1))


def _prompts(run: Run) -> None:
    """Plans the prompts of a file of as many lines as there are captions."""
    stage = PromptsStage(run)
    options = PromptFileOptions(path="prompts.txt")
    surroundings = Surroundings("list", Path(run.workspace.url), allow_private_addresses=False)
    stage.sources.by_name = {"list": PromptFile(options, surroundings)}
    _planned(run, stage)


def _pull(run: Run) -> None:
    """Reads what is known of the answers of the project that all of them were given in."""
    KnownAnswers(Project(run.workspace, "benchmark", 1))


STEPS: dict[str, Callable[[Run], None]] = {
    "prompts": _prompts,
    "deal": lambda run: _deal(run, AnnotationUnit.SENTENCE),
    "push": lambda run: _push(run, AnnotationUnit.SENTENCE),
    "deal captions": lambda run: _deal(run, AnnotationUnit.CAPTION),
    "push captions": lambda run: _push(run, AnnotationUnit.CAPTION),
    "pull": _pull,
}


if __name__ == "__main__":
    main()
