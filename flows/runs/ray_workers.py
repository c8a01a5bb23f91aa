"""Ray's part: processes of a cluster that work on the shares of a stage. Ray is imported only here.

A worker is an actor, not a task: its process lives as long as the stage, so that a model is loaded
once, and Ray would end the process of a task that used a GPU. It is given the stage once and then
shares, and commits what comes of them; secrets it has from its machine's environment. A worker that
dies is replaced, and the engine gives its share out again.
"""

import importlib.metadata
import logging
import math
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from alignbench.engine.errors import WorkerLostError
from alignbench.engine.report import StageReport
from alignbench.engine.share_work import work_share
from alignbench.engine.workforce import Crew, Share, SharedStage, ShareResult, Workforce
from alignbench.flows.runs.errors import ClusterUnreachableError, UnfitWorkerError
from alignbench.schemas.configuration.run_section import RunConfig
from alignbench.schemas.errors import AlignBenchError, MissingExtraError
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.errors import LockLostError

_SHARES_WAITING: Final = 2
"""Of a worker: one that it works on, and one to go on with."""

_STOP_SECONDS: Final = 20.0
"""How long workers have to commit what they finished when a run is stopped."""

_ROOM_SECONDS: Final = 30.0
"""How long all workers are waited for; without a single one, an operator is then told of it."""


def ray_workforce(settings: RunConfig) -> Workforce | None:
    """Returns who works beside this process, if the configuration says so; starts nothing."""
    return _RayWorkforce(settings) if settings.runner == "ray" else None


class _RayWorkforce:
    """Starts workers in the configured cluster, or in one on this machine."""

    def __init__(self, settings: RunConfig) -> None:
        self._settings = settings

    @contextmanager
    def crew(
        self, shared: SharedStage, gpus: float | None, tell: Callable[[str], None]
    ) -> Iterator[Crew]:
        """Starts workers; they are gone when the context is left."""
        ray = _connected(self._settings.ray_address)
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        crew = _RayCrew(ray, shared, crew_size(machines, gpus, self._settings.workers), tell)
        try:
            yield crew
        finally:
            crew.dismiss()


def _connected(address: str | None) -> Any:
    """Returns Ray, connected to the configured cluster or to one on this machine.

    A cluster of one's own ends with this process, and listens on loopback only.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterUnreachableError: The cluster does not answer, or none can be started.
    """
    address = address or os.environ.get("RAY_ADDRESS") or None
    place: dict[str, Any] = {"address": address} if address is not None else _of_a_local_cluster()
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"runner = 'ray' needs the package {error.name!r}, which is not installed.",
            "Install it with pip install 'alignbench[ray]'.",
        ) from None
    if ray.is_initialized():
        return ray
    with _signals_kept():
        try:
            ray.init(**place, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:
            raise ClusterUnreachableError(
                f"The Ray cluster at {address or 'this machine'} cannot be used: "
                f"{type(error).__name__}: {error}.",
                "Correct ray_address in [run], or RAY_ADDRESS; without them, a cluster is started "
                "on this machine.",
            ) from error
    return ray


def _of_a_local_cluster() -> dict[str, Any]:
    """Returns how a cluster is started on this machine; Ray reads the variables on its import."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing leaves the machine
    if "ray" not in sys.modules and not os.environ.get("RAY_AUTH_MODE"):
        # Nobody else on the machine may send it work.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    # By this it listens on loopback on any system, and not only where it asks for it.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return {"address": "local", "include_dashboard": False}


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keeps what this process does when it is told to end: Ray would end it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class CrewSize(NamedTuple):
    """How many workers there are, and what each of them is promised."""

    workers: int
    cpus: float
    gpus: float


def crew_size(
    machines: Sequence[Mapping[str, float]], gpus: float | None, wanted: int | None
) -> CrewSize:
    """Returns how many workers a cluster gets, and what each of them is promised.

    Args:
        machines: What each machine has, as Ray says it.
        gpus: How many GPUs a worker needs; None for one where there are any.
        wanted: How many workers there are to be; None for one a GPU that is needed, or a machine.
    """
    working = [machine for machine in machines if machine.get("CPU", 0) > 0] or [{"CPU": 1.0}]
    if gpus is None:
        gpus = 1.0 if any(machine.get("GPU", 0) for machine in working) else 0.0
    if gpus:
        working = [machine for machine in working if machine.get("GPU", 0) >= gpus] or working[:1]
        workers = wanted or max(1, sum(int(machine.get("GPU", 0) / gpus) for machine in working))
    else:
        workers = wanted or len(working)
    on_one = math.ceil(workers / len(working))
    cpus = min(machine["CPU"] for machine in working) / on_one
    # Ray takes whole processors, or less than one; rounded up, the last worker would find no room.
    return CrewSize(workers, math.floor(cpus) if cpus >= 1 else math.floor(cpus * 100) / 100, gpus)


class _RayWorker:
    """What runs in a worker's process."""

    def __init__(self, shared: SharedStage, version: str, folder: str) -> None:
        self._shared = shared
        self._version = version
        self._stopped = False
        self._is_fit = False
        with suppress(OSError):  # paths of a configuration are relative to it, where it is
            os.chdir(folder)

    def begun(self) -> None:
        """Does nothing: who gets an answer knows that the process runs."""

    def stop(self) -> None:
        """Lets the share that is being done end after its next item, and the others at once."""
        self._stopped = True

    def work(self, share: Share) -> ShareResult:
        """Does a share."""
        try:
            self._check()
        except AlignBenchError as error:
            return ShareResult(share.number, StageReport(self._shared.stage.name), error)
        return work_share(self._shared, share, lambda: self._stopped)

    def _check(self) -> None:
        """Checks once that this machine has what the run needs."""
        if self._is_fit:
            return
        if _version() != self._version:
            raise UnfitWorkerError(
                f"{_machine()} has AlignBench {_version()}, and this run {self._version}.",
                "Install the same version on every machine of the cluster.",
            )
        try:
            self._shared.fence()
        except LockLostError:
            raise UnfitWorkerError(
                f"{_machine()} does not see the workspace {self._shared.workspace.url} as this "
                "machine does.",
                "Keep the workspace in s3://bucket/prefix, or in a folder that every machine of "
                "the cluster has at the same path.",
            ) from None
        self._is_fit = True


def _version() -> str:
    return importlib.metadata.version("alignbench")


def _machine() -> str:
    return f"The machine {os.uname().nodename} of the Ray cluster"


def _actor_class(ray: Any) -> Any:
    """Returns the worker as an actor that can be talked to while it works."""

    class Worker(_RayWorker):
        begun = ray.method(concurrency_group="meanwhile")(_RayWorker.begun)
        stop = ray.method(concurrency_group="meanwhile")(_RayWorker.stop)

    return ray.remote(concurrency_groups={"meanwhile": 1})(Worker)


class _Hired(NamedTuple):
    """A worker, and what was given to it."""

    actor: Any
    begun: Any
    shares: list[int]


class _RayCrew:
    """Workers of one stage."""

    def __init__(
        self, ray: Any, shared: SharedStage, size: CrewSize, tell: Callable[[str], None]
    ) -> None:
        self._ray = ray
        self._stage: StageName = shared.stage.name
        self._shared = ray.put(shared)
        self._size = size
        self._tell = tell
        self._all_awaited = False
        self._actor_class = _actor_class(ray)
        self._open: dict[Any, tuple[_Hired, int]] = {}
        self.size = size.workers
        self._workers = [self._hired() for _ in range(size.workers)]

    def has_room(self) -> bool:
        """Tells whether a worker has fewer shares than it may have."""
        return any(len(worker.shares) < _SHARES_WAITING for worker in self._at_work())

    def give(self, share: Share) -> None:
        """Hands a share to the worker that has the fewest."""
        worker = min(self._at_work(), key=lambda worker: len(worker.shares))
        worker.shares.append(share.number)
        self._open[worker.actor.work.remote(share)] = worker, share.number

    def next_result(self) -> ShareResult:
        """Waits until a share has ended, or its worker has died."""
        return self._result(self._ready(None))

    def stop(self) -> Iterator[ShareResult]:
        """Lets workers commit what they have finished, for some seconds."""
        for worker in self._workers:
            worker.actor.stop.remote()
        until = time.monotonic() + _STOP_SECONDS
        while self._open and (left := until - time.monotonic()) > 0:
            if ready := self._ready(left):
                yield self._result(ready)

    def dismiss(self) -> None:
        """Ends all workers."""
        for worker in self._workers:
            with suppress(self._ray.exceptions.RayError):  # it is gone, or its cluster is
                self._ray.kill(worker.actor)

    def _at_work(self) -> list[_Hired]:
        """Returns the workers whose process runs, once there is one.

        The cluster may have room for fewer than are wanted, such as after a machine has died: a
        share that is given to one that never begins would wait for ever.
        """
        begun = self._begun(len(self._workers), 0 if self._all_awaited else _ROOM_SECONDS)
        self._all_awaited = True
        begun = begun or self._begun(1, _ROOM_SECONDS)
        if not begun:
            self._tell(
                f"The Ray cluster has no room yet for a worker, which needs {self._size.cpus:g} "
                f"processors and {self._size.gpus:g} GPUs; this run waits for it."
            )
            begun = self._begun(1, None)
        return begun

    def _begun(self, wanted: int, seconds: float | None) -> list[_Hired]:
        """Returns the workers whose process runs, when so many do or so long has been waited."""
        workers = {worker.begun: worker for worker in self._workers}
        ready, _ = self._ray.wait(list(workers), num_returns=wanted, timeout=seconds)
        return [workers[begun] for begun in ready]

    def _ready(self, seconds: float | None) -> Any:
        ready, _ = self._ray.wait(list(self._open), num_returns=1, timeout=seconds)
        return ready[0] if ready else None

    def _result(self, ready: Any) -> ShareResult:
        worker, number = self._open.pop(ready)
        worker.shares.remove(number)
        try:
            result: ShareResult = self._ray.get(ready)
        except self._ray.exceptions.RayError as error:
            self._replace(worker)
            return ShareResult(number, StageReport(self._stage), _lost(error))
        return result

    def _replace(self, lost: _Hired) -> None:
        if lost in self._workers:
            self._workers.remove(lost)
            with suppress(Exception):  # it may be there and not answer
                self._ray.kill(lost.actor)
            self._workers.append(self._hired())

    def _hired(self) -> _Hired:
        options = {
            "num_cpus": self._size.cpus,
            "num_gpus": self._size.gpus,
            "scheduling_strategy": "SPREAD",
            "max_restarts": 0,
        }
        actor = self._actor_class.options(**options).remote(
            self._shared, _version(), str(Path.cwd())
        )
        return _Hired(actor, actor.begun.remote(), [])


def _lost(error: Exception) -> WorkerLostError:
    return WorkerLostError(
        f"A worker process died of the same share again and again: {type(error).__name__}.",
        "Look for the cause in Ray's logs, such as too little memory; what was finished is kept.",
    )
