"""build: every stage from ingest to push, one after the other."""

from typing import TYPE_CHECKING

from alignbench.engine.errors import TooManyFailuresError
from alignbench.engine.report import StageReport
from alignbench.flows.caption import caption
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.flows.push import push
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.split import split

if TYPE_CHECKING:
    from prefect import Flow

STAGES: "tuple[Flow[..., StageReport], ...]" = (ingest, prompts, caption, imagine, split, push)


@stage_flow("build")
def build(
    workspace: str = ".",
    limit: int | None = None,
    budget: float | None = None,
    max_tokens: int | None = None,
) -> list[StageReport]:
    """Runs every stage from ingest to push.

    Too many failures in one stage do not stop the next, which go on with what is good.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        limit: Most items to take in each stage.
        budget: Most US dollars that all runs of the generating stages may spend together.
        max_tokens: Most tokens that they may send and receive together.

    Raises:
        TooManyFailuresError: After the last stage, if any had too many failures.
    """
    spending = {"budget": budget, "max_tokens": max_tokens}
    reports: list[StageReport] = []
    failures: list[TooManyFailuresError] = []
    for stage in STAGES:
        try:
            paid = spending if stage in (prompts, caption, imagine) else {}
            reports.append(run_flow(stage, workspace=workspace, limit=limit, **paid))
        except TooManyFailuresError as error:
            failures.append(error)
            reports += error.reports
    if failures:
        names = ", ".join(report.stage for error in failures for report in error.reports)
        raise TooManyFailuresError(
            f"build: too many items failed in {names}.",
            "See 'alignbench status --failures'; then 'alignbench retry STAGE'.",
            reports,
        )
    return reports
