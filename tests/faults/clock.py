"""A clock that is set while a process runs: by hand, by a time server, by a host that slept."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo

import pytest


@contextmanager
def clock_set(seconds: float) -> Iterator[None]:
    """Has the package see another time of day, so many seconds on, while the context is open.

    Clocks that no one can set (monotonic, since boot) go on as they were, and so does the clock of
    a server that a test runs in this process.
    """

    class Set(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("alignbench.") and getattr(module, "datetime", None) is datetime:
                patch.setattr(module, "datetime", Set)
        yield
