"""release: labels become a dataset that anyone can load and verify.

What comes in: the current label set of the selected sentences, their pairs, images and votes. What
goes out: `releases/<name>/<version>/`, which exists once `SHA256SUMS` does and never changes.
"""

import time
from typing import Any

from alignbench.engine.report import StageReport
from alignbench.flows.runs.run import open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.flows.runs.watching import run_watcher
from alignbench.flows.selected.sentences import current_selection
from alignbench.release.build import build_release
from alignbench.release.publishing.upload import upload_release
from alignbench.schemas.configuration.config import Config
from alignbench.schemas.vocabulary import StageName


@stage_flow("release")
def release(workspace: str = ".", after: str | None = None, to: str | None = None) -> StageReport:
    """Writes the release that the configuration names, and verifies it first.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        after: Address of an older release, whose images and prompts stay in their splits.
        to: An `s3://bucket/prefix` where the release is published too, as the latest of its name.
    """
    started = time.monotonic()
    run = open_run(workspace)
    selection = current_selection(run)
    config = run.config.release
    done = build_release(run.workspace, selection, config, published(run.config), after)
    report = StageReport(StageName.RELEASE)
    if done.built:
        report.made = done.manifest.counts.sentences
    report.notes.append(done.address if done.built else f"{done.address} is there and unchanged")
    if to is not None:
        sent = upload_release(done.address, to)
        report.notes.append(f"{sent.address}: {sent.sent:,} files sent, {sent.there:,} were there")
    report.seconds = time.monotonic() - started
    run_watcher().reported(report)
    return report


def published(config: Config) -> dict[str, Any]:
    """Returns what a release tells of the configuration that it was made by.

    Listed, not filtered: paths, addresses and plug-ins' own options are the operator's business.
    """
    model = {"name", "backend", "repo", "revision", "family", "instruction", "samples", "params"}
    return config.model_dump(
        mode="json",
        include={
            "name": True,
            "sources": {"__all__": {"name", "kind"}},
            "prompts": {"__all__": {"name", "kind"}},
            "captioners": {"__all__": model},
            "image_generators": {"__all__": model},
            "annotation": {"round", "annotators_per_sentence", "votes"},
            "labels": True,
            "release": True,
        },
    )
