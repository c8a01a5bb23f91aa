"""release: labels become a dataset that anyone can load and verify.

What comes in: the current label set of the selected sentences, their pairs, images and votes. What
goes out: `releases/<name>/<version>/`, which exists once `SHA256SUMS` does and never changes.
"""

from flows.orchestration import publish_report, stage_flow
from flows.progress import current_progress
from flows.report import StageReport
from flows.run import open_run
from flows.selection import current_selection
from release.build import build_release
from schemas.vocabulary import StageName


@stage_flow("release")
def release(workspace: str = ".") -> StageReport:
    """Writes the release that the configuration names, and verifies it first.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
    """
    run = open_run(workspace)
    # The server's address and how the run was cut up are nobody's business but the operator's.
    resolved = run.config.model_dump(mode="json", exclude={"annotation": {"url"}, "run": True})
    done = build_release(run.workspace, current_selection(run), run.config.release, resolved)
    report = StageReport(StageName.RELEASE)
    if done.built:
        report.made = done.manifest.counts.sentences
    report.notes.append(done.address if done.built else f"{done.address} is there and unchanged")
    publish_report(report)
    current_progress().reported(report)
    return report
