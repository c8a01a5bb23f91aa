"""label: the annotators' answers become one label a sentence.

What comes in: the newest answer of each annotator to each selected sentence. What goes out: rows of
`labels` under a label set whose id says which answers, method and options it was made from.
"""

import time

from alignbench.engine.report import StageReport
from alignbench.flows.runs.run import open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.runs.watching import run_watcher
from alignbench.flows.selected.sentences import current_selection
from alignbench.flows.team.until_lines import until_lines
from alignbench.flows.team.vote_costs import vote_costs
from alignbench.release.labels.compute import compute_labels
from alignbench.release.labels.until_checks import current_checks
from alignbench.schemas.fence import fenced
from alignbench.schemas.label_options import LabelOptions
from alignbench.schemas.tables import LABELS
from alignbench.schemas.vocabulary import StageName


@stage_flow("label")
def label(workspace: str = ".", name: str | None = None) -> StageReport:
    """Computes the labels of all selected sentences; unchanged answers are nothing to do.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        name: What this label set is called from now on, to compare it with others.
    """
    started = time.monotonic()
    run = open_run(workspace)
    options = run.config.labels
    with run.workspace.store.lock(StageName.LABEL) as fence, fenced(fence):
        done = compute_labels(
            run.workspace,
            current_selection(run),
            run.run_id,
            method=options.method,
            minimum_votes=options.minimum_votes,
            every_round=options.every_round,
            name=name,
        )
    report = StageReport(StageName.LABEL)
    if done.computed:
        report.made = done.labelled
        report.rows = {LABELS.name: done.labelled}
        report.notes += [f"{count:,} {verdict}" for verdict, count in done.verdicts.items()]
        if done.adjudicated:
            report.notes.append(f"{done.adjudicated:,} of them adjudicated")
    if done.unanswered or done.below_minimum_votes:
        report.notes.append(
            f"{done.unanswered:,} sentences have no answer, {done.below_minimum_votes:,} too few"
        )
    chosen = LabelOptions(options.minimum_votes, options.every_round)
    checks = current_checks(run.workspace, current_selection(run), chosen)
    report.notes += [cost.line for cost in vote_costs(run, checks)]
    for check in checks:
        report.notes += until_lines(check)
    report.notes.append(f"label set {name or done.label_set_id[:12]}, by {options.method}")
    report.seconds = time.monotonic() - started
    run_watcher().reported(report)
    return report
