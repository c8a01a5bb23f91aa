"""Prefect where a server is configured, a plain call where not. No temporary server is started.

One Prefect task is one commit, never one item: a task run costs 10 to 20 ms and some 25 KB that its
client keeps until the flow ends. Prefect's result cache is off: the tables are the cache.
"""

import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import httpx
from prefect import Flow, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings

from flows.errors import PrefectUnreachableError
from flows.report import StageReport
from schemas.vocabulary import StageName

P = ParamSpec("P")
R = TypeVar("R")

_progress_artifacts: dict[tuple[str, str], uuid.UUID] = {}


def run_flow(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs a flow: as a Prefect flow where a server is configured, plainly where not.

    Raises:
        PrefectUnreachableError: A server is configured and does not answer.
    """
    url = server_url()
    if url is None:
        return flow.fn(*args, **kwargs)
    if FlowRunContext.get() is None:
        _check_server(url)
    return flow(*args, **kwargs)


def server_url() -> str | None:
    """Returns the API address of the Prefect server that is configured, if one is."""
    return get_current_settings().api.url


def flow_run_id() -> str | None:
    """Returns the id of the Prefect flow run that this code is part of."""
    context = FlowRunContext.get()
    return context.flow_run.id.hex if context is not None and context.flow_run else None


def as_task(commit: Callable[P, R]) -> Callable[P, R]:
    """Returns the function as a Prefect task inside a flow run, as it is outside one."""
    if FlowRunContext.get() is None:
        return commit
    return task(name="commit", cache_policy=NO_CACHE, persist_result=False)(commit)


def publish_progress(stage: StageName, items: int, total: int) -> None:
    """Shows how far a stage is as a progress artifact of its flow run."""
    run_id = flow_run_id()
    if run_id is None:
        return
    percent = min(100.0, 100.0 * items / total) if total else 100.0
    known = _progress_artifacts.get((run_id, stage))
    if known is None:
        made = create_progress_artifact(percent, key=f"{stage}-progress", description=f"{stage}")
        if isinstance(made, uuid.UUID):
            _progress_artifacts[run_id, stage] = made
    else:
        update_progress_artifact(known, percent)


def publish_report(report: StageReport) -> None:
    """Shows what a stage did as a table among the artifacts of its flow run."""
    if flow_run_id() is None:
        return
    lines = [f"| {table} | {rows:,} |" for table, rows in report.rows.items()]
    markdown = "\n".join(
        [f"**{report.summary()}**", "", "| table | rows |", "| --- | ---: |", *lines, *report.notes]
    )
    create_markdown_artifact(markdown, key=f"{report.stage}-report", description=report.summary())


def publish_samples(stage: StageName, title: str, samples: list[str]) -> None:
    """Shows a few of the things that a stage made among the artifacts of its flow run.

    Args:
        stage: The stage.
        title: What the samples are.
        samples: Markdown, one for each; whoever writes it has escaped untrusted text.
    """
    if flow_run_id() is not None and samples:
        markdown = "\n\n".join([f"## {title}", *samples])
        create_markdown_artifact(markdown, key=f"{stage}-samples", description=title)


def _check_server(url: str) -> None:
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=5, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise PrefectUnreachableError(
            f"The Prefect server at {url} does not answer ({type(error).__name__}).",
            "Start it ('alignbench services up'), correct PREFECT_API_URL, or unset it to run "
            "without a server.",
        ) from None
