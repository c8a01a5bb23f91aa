"""Prefect where a server is configured, a plain call where not. No temporary server is started.

One Prefect task is one commit, never one item: a task run costs 10 to 20 ms and some 25 KB that its
client keeps until the flow ends. Prefect's result cache is off: the tables are the cache.

An install of the core alone has no Prefect; there, flows are plain functions, so that a release can
be made from a workspace on any machine. Where it is installed, it is imported when a server is
configured.
"""

import copy
import functools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from alignbench.engine.report import CommitReport, StageReport
from alignbench.engine.watching import Watcher
from alignbench.flows.runs.errors import PrefectUnreachableError
from alignbench.flows.runs.stage_flow import as_prefect_flow, may_name_a_server, prefect_in_use
from alignbench.schemas.vocabulary import StageName

if TYPE_CHECKING:
    from prefect import Flow

P = ParamSpec("P")
R = TypeVar("R")

_RETRIES: Final = 1
"""How often Prefect's client asks again; `prefect.yaml` tells workers the same."""

_ANSWER_SECONDS: Final = 10.0
"""How long it waits for an answer: a server that hangs is as good as gone. As in `prefect.yaml`."""

_AWAY_SECONDS: Final = 30.0
"""A server that did not answer is asked again after so long."""


def run_flow(flow: "Flow[P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs a flow: as a Prefect flow where a server is configured, plainly where not.

    A server that goes away while the flow runs does not stop it: the work is ours, the server only
    sees it.

    Raises:
        PrefectUnreachableError: A server is configured and does not answer.
    """
    url = server_url()
    if url is None:
        return flow.fn(*args, **kwargs)
    if flow_run_id() is not None:
        return _run_seen(flow, *args, **kwargs)
    error = _fault_of_server()
    if error is not None:
        raise _unreachable(url, error)
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    settings = {
        # A heartbeat tells a server's automations that a worker's run is alive. Someone looks at
        # this one in a terminal, and ending its heartbeat takes longer than an idle stage.
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        # Five, each twice as long after the one before, would hold up the work for minutes.
        PREFECT_CLIENT_MAX_RETRIES: _RETRIES,
        PREFECT_API_REQUEST_TIMEOUT: _ANSWER_SECONDS,
    }
    with temporary_settings(settings):
        return _run_seen(flow, *args, **kwargs)


class _Once(Generic[P, R]):
    """A function that runs once, however often it is called; what came of it is kept."""

    def __init__(self, function: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._came_of_it: list[R] = []
        self.error: BaseException | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.error is not None:
            raise self.error
        if not self._came_of_it:
            try:
                self._came_of_it.append(self._function(*args, **kwargs))
            except BaseException as error:
                self.error = error
                raise
        return self._came_of_it[0]

    @property
    def has_run(self) -> bool:
        """Whether it was called."""
        return bool(self._came_of_it) or self.error is not None


def _run_seen(flow: "Flow[P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs a flow under Prefect's eyes; what it does stands whether Prefect sees it or not."""
    once = _Once(flow.fn)
    seen = copy.copy(as_prefect_flow(flow))
    seen.fn = once
    try:
        return seen(*args, **kwargs)
    except Exception:
        if not once.has_run and _fault_of_server() is None:
            raise
        return once(*args, **kwargs)


def server_url() -> str | None:
    """Returns the API address of the Prefect server that is configured, if one is."""
    if not may_name_a_server():
        return None
    from prefect.settings import get_current_settings

    return get_current_settings().api.url or None


def flow_run_id() -> str | None:
    """Returns the id of the Prefect flow run that this code is part of."""
    if not prefect_in_use():
        return None
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return context.flow_run.id.hex if context is not None and context.flow_run else None


class PrefectWatcher(Watcher):
    """Shows a stage's commits, progress and report in a flow run, and all of it elsewhere too."""

    def __init__(self, shown: Watcher) -> None:
        """Takes who else watches."""
        self._shown = shown
        self._artifact: uuid.UUID | None = None
        self._ask_again_at: float | None = None

    def started(self, stage: StageName, total: int) -> None:
        """Shows it elsewhere."""
        self._shown.started(stage, total)

    def advanced(self, items: int, failed: int) -> None:
        """Shows it elsewhere; Prefect is told at each commit."""
        self._shown.advanced(items, failed)

    def finished(self) -> None:
        """Shows it elsewhere."""
        self._shown.finished()

    def commit(self, write: Callable[[], CommitReport]) -> CommitReport:
        """Writes a commit as a task run, and all the same if the server does not answer."""
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        once = _Once(write)
        self._tell(task(name="commit", cache_policy=NO_CACHE, persist_result=False)(once), once)
        return once()

    def noted(self, text: str) -> None:
        """Shows it elsewhere."""
        self._shown.noted(text)

    def committed(self, stage: StageName, items: int, total: int) -> None:
        """Shows how far a stage is as a progress artifact."""
        percent = min(100.0, 100.0 * items / total) if total else 100.0
        self._tell(lambda: self._show_progress(stage, percent))

    def _show_progress(self, stage: StageName, percent: float) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        if self._artifact is not None:
            update_progress_artifact(self._artifact, percent)
            return
        made = create_progress_artifact(percent, key=f"{stage}-progress", description=f"{stage}")
        self._artifact = made if isinstance(made, uuid.UUID) else None

    def reported(self, report: StageReport) -> None:
        """Shows what a stage did as a table among the artifacts, if it did anything."""
        if report.items:
            self._tell(lambda: _publish_report(report))
        self._shown.reported(report)

    def _tell(
        self, say: Callable[[], object], own: "_Once[[], CommitReport] | None" = None
    ) -> None:
        """Tells the server something, unless it has gone away; the work goes on without it.

        Args:
            say: Tells it.
            own: What is called meanwhile, whose errors are not the server's.
        """
        if self._ask_again_at is not None:
            if time.monotonic() < self._ask_again_at:
                return
            if _fault_of_server() is not None:
                self._ask_again_at = time.monotonic() + _AWAY_SECONDS
                return
            self._ask_again_at = None
            self.noted("The Prefect server answers again.")
        try:
            say()
        except Exception as error:  # noqa: BLE001 - whatever its client makes of a lost server
            if own is not None and own.error is not None:
                return
            self._ask_again_at = time.monotonic() + _AWAY_SECONDS
            self.noted(
                f"The Prefect server does not answer ({type(error).__name__}): this run goes on "
                "without it, and is not shown there meanwhile."
            )


def _publish_report(report: StageReport) -> None:
    lines = [f"| {table} | {rows:,} |" for table, rows in report.rows.items()]
    notes = [f"- {note}" for note in report.notes]
    markdown = [f"**{report.summary()}**", "", "| table | rows |", "| --- | ---: |", *lines, ""]
    _publish(f"{report.stage}-report", report.summary(), "\n".join([*markdown, *notes]))
    _publish_metrics(report)


def _publish_metrics(report: StageReport) -> None:
    if flow_run_id() is None:
        return
    from prefect.artifacts import create_table_artifact

    create_table_artifact(
        [{"metric": name, "value": value} for name, value in report.metrics().items()],
        key=f"{report.stage}-metrics",
        description=f"What {report.stage} did, what it took and what it cost",
    )


def publish_samples(stage: StageName, samples: list[str]) -> None:
    """Shows a few of the things that a stage made among the artifacts of its flow run.

    A server that does not answer is no reason to fail.

    Args:
        stage: The stage.
        samples: Markdown, one for each; whoever writes it has escaped untrusted text.
    """
    if samples:
        with suppress(Exception):
            _publish(f"{stage}-samples", f"Samples of {stage}", "\n\n".join(samples))


def publish_rows(key: str, description: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Shows a table among the artifacts of a flow run; outside of one it does nothing.

    A server that does not answer is no reason to fail: the table is written elsewhere too.
    """
    if flow_run_id() is None:
        return
    from prefect.artifacts import create_table_artifact

    with suppress(Exception):
        create_table_artifact([dict(row) for row in rows], key=key, description=description)


def _publish(key: str, description: str, markdown: str) -> None:
    if flow_run_id() is None:
        return
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(markdown, key=key, description=description)


def _fault_of_server() -> Exception | None:
    """Returns why the Prefect server does not answer; None if it does."""
    from prefect.client.orchestration import get_client

    # Prefect's own client, so that its settings for certificates and access hold.
    with get_client(sync_client=True) as client:
        return client.api_healthcheck()


def _unreachable(url: str, error: Exception) -> PrefectUnreachableError:
    return PrefectUnreachableError(
        f"The Prefect server at {_without_login(url)} does not answer ({type(error).__name__}).",
        "Start it ('alignbench services up'), correct PREFECT_API_URL, or unset it to run "
        "without a server.",
    )


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
