"""A stage's function as a flow: Prefect's where Prefect looks on, a plain function where not.

Prefect's import takes longer than a stage with nothing to do, so it waits until a server is
configured, or until somebody else (a worker, a user's own flow) has imported it.
"""

import functools
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from prefect import Flow

P = ParamSpec("P")
R = TypeVar("R")

PREFECT_INSTALLED: Final = find_spec("prefect") is not None
"""False in an install of the core alone; there, every flow is a plain function."""

_NAMES_A_SERVER: Final = {
    "PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH",
}  # fmt: skip

_FILES_OF_SETTINGS: Final = {
    ".env": "prefect_",
    "prefect.toml": "",
    "pyproject.toml": "tool.prefect",
}
"""What Prefect reads in the working folder, and what a file has in it that concerns Prefect."""


class StageFlow(Generic[P, R]):
    """A stage's function, which becomes a Prefect flow when one is asked for.

    Attributes:
        fn: The function, as a Prefect flow has it.
    """

    def __init__(self, name: str, function: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)
        self._name = name
        self.fn = function

    @functools.cached_property
    def prefect_flow(self) -> "Flow[P, R]":
        """The Prefect flow; its result is small and is not kept."""
        from prefect import flow

        return flow(name=self._name, persist_result=False)(self.fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs as a Prefect flow where Prefect is in use, plainly where not."""
        return self.prefect_flow(*args, **kwargs) if prefect_in_use() else self.fn(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Returns what else a Prefect flow has: `to_deployment`, `serve` and such."""
        if name.startswith("_") or not PREFECT_INSTALLED:
            raise AttributeError(name)
        return getattr(self.prefect_flow, name)


def stage_flow(name: str) -> "Callable[[Callable[P, R]], Flow[P, R]]":
    """Makes a flow of a stage's function.

    Returns:
        What makes it: a Prefect flow where Prefect is in use, since its worker asks for one by
        type, and otherwise what becomes one when it must.
    """

    def make(function: Callable[P, R]) -> "Flow[P, R]":
        made = StageFlow(name, function)
        return made.prefect_flow if prefect_in_use() else made  # type: ignore[return-value]

    return make


def as_prefect_flow(flow: "Flow[P, R]") -> "Flow[P, R]":
    """Returns the Prefect flow that a flow of `stage_flow` is or becomes."""
    return flow.prefect_flow if isinstance(flow, StageFlow) else flow


def prefect_in_use() -> bool:
    """Whether Prefect has been imported in this process."""
    return "prefect" in sys.modules


def may_name_a_server() -> bool:
    """Whether any place that Prefect takes its settings from could name a server.

    If none could, Prefect need not be imported to ask it.
    """
    if not PREFECT_INSTALLED:
        return False
    if prefect_in_use() or not _NAMES_A_SERVER.isdisjoint(name.upper() for name in os.environ):
        return True
    if (Path.home() / ".prefect" / "profiles.toml").exists():
        return True
    return any(_has(Path(file), words) for file, words in _FILES_OF_SETTINGS.items())


def _has(file: Path, words: str) -> bool:
    try:
        return words in file.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
