"""Who sees the runs that start here: what the command line shows, and Prefect inside a flow run."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from alignbench.engine.watching import Watcher
from alignbench.flows.runs.orchestration import PrefectWatcher, flow_run_id

_shown: ContextVar[Watcher] = ContextVar("watcher", default=Watcher())  # noqa: B039 - has no state


@contextmanager
def shown_by(watcher: Watcher) -> Iterator[None]:
    """Lets `watcher` show the runs that start in this context."""
    token = _shown.set(watcher)
    try:
        yield
    finally:
        _shown.reset(token)


def run_watcher() -> Watcher:
    """Returns who sees a run that starts here."""
    return _shown.get() if flow_run_id() is None else PrefectWatcher(_shown.get())
