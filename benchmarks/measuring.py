"""One command at a time: how long it takes, and how much memory all its processes hold."""

import os
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import psutil

_PERIOD_SECONDS = 0.05
_OURS = ("PREFECT_", "LABEL_STUDIO_", "ALIGNBENCH_WORKSPACE", "OPENAI_")


class Measured(NamedTuple):
    """A finished command.

    Attributes:
        seconds: From its start to its end.
        cpu_seconds: Of all its processes, on all cores; steadier on a machine that is in use.
        peak_mb: Most memory (resident, in 10**6 bytes) of it and its children at one time.
        output: What it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def measured(command: Sequence[str], further: Mapping[str, str] | None = None) -> Measured:
    """Runs a command with no server of Prefect's or Label Studio's in its environment.

    Raises:
        SystemExit: It failed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"} | dict(further or {})
    started, used = time.monotonic(), _cpu_seconds()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        peak = _Peak(process.pid)
        output, errors = process.communicate()
        seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors[-4000:]}")
    return Measured(seconds, _cpu_seconds() - used, peak.stop(), output)


def median(values: Iterable[float]) -> float:
    """Returns the median of values."""
    return statistics.median(values)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Peak:
    """Watches the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._peak / 1e6

    def _watch(self) -> None:
        while not self._ended.wait(_PERIOD_SECONDS):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
                self._peak = max(self._peak, sum(map(_resident, tree)))
            except psutil.NoSuchProcess:
                return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
