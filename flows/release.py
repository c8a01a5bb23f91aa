"""release: labels become a dataset that anyone can load and verify.

What comes in: the current label set of the selected sentences, their pairs, images and votes. What
goes out: `releases/<name>/<version>/`, which exists once `SHA256SUMS` does and never changes.
"""

import time
from typing import Any

from flows.orchestration import publish_report, stage_flow
from flows.progress import current_progress
from flows.report import StageReport
from flows.run import open_run
from flows.selection import current_selection
from release.build import build_release
from schemas.config import Config
from schemas.vocabulary import StageName


@stage_flow("release")
def release(workspace: str = ".") -> StageReport:
    """Writes the release that the configuration names, and verifies it first.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
    """
    started = time.monotonic()
    run = open_run(workspace)
    selection = current_selection(run)
    done = build_release(run.workspace, selection, run.config.release, published(run.config))
    report = StageReport(StageName.RELEASE)
    if done.built:
        report.made = done.manifest.counts.sentences
    report.notes.append(done.address if done.built else f"{done.address} is there and unchanged")
    report.seconds = time.monotonic() - started
    if report.items:
        publish_report(report)
    current_progress().reported(report)
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
            "annotation": {"round", "annotators_per_sentence"},
            "labels": True,
            "release": True,
        },
    )
