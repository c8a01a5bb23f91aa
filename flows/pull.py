"""pull: the annotators' answers come back.

What comes in: what changed on the server since the newest answer that is known. What is done: every
answer is validated against the sentence's stored text, and what cannot be believed is set aside
with its raw JSON. What goes out: rows of `annotations`, `ratings`, `variant_checks` and
`quarantine`; a later version of an answer supersedes the earlier one, a deleted answer gets a row
that says so.
"""

import time

from alignbench.annotation.pulling.pull import pull as pull_answers
from alignbench.engine.report import StageReport
from alignbench.flows.asking.label_studio import adjudicators, annotation_server
from alignbench.flows.runs.run import open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.runs.watching import run_watcher
from alignbench.schemas.tables import QUARANTINE
from alignbench.schemas.vocabulary import Purpose, StageName


@stage_flow("pull")
def pull(
    workspace: str = ".",
    accept_deletions: bool = False,
    purpose: Purpose | None = None,
    keep_answers: bool = False,
) -> StageReport:
    """Fetches new, changed and deleted answers.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        accept_deletions: Go on although answers or projects have disappeared from the server.
        purpose: Only answers that were asked for this.
        keep_answers: Go on although projects have disappeared, and keep what was pulled from them.
    """
    started = time.monotonic()
    run = open_run(workspace)
    server = annotation_server(run)
    with run.workspace.store.lock(StageName.PULL):
        found = pull_answers(
            run.workspace,
            server,
            run.run_id,
            accept_deletions,
            purpose=purpose,
            keep_answers=keep_answers,
            adjudicators=adjudicators(run, server),
        )
    quarantined = sum(found.quarantined.values())
    report = StageReport(StageName.PULL, made=found.written - quarantined)
    report.rows = dict(found.written_to)
    if quarantined:
        report.rows[QUARANTINE.name] = quarantined
    if found.written:
        report.notes.append(
            f"{found.new:,} new, {found.updated:,} changed, {found.deleted:,} deleted"
        )
    report.notes += [
        f"{count:,} set aside: {code}" for code, count in sorted(found.quarantined.items())
    ]
    report.seconds = time.monotonic() - started
    run_watcher().reported(report)
    return report
