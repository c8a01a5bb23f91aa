"""Starting, recognising and ending the servers' processes.

A process id alone does not name a process: after it ends, the kernel gives the id to another. The
pair of id and birth mark does, so nothing is signalled unless both agree.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.05
_PROC = Path("/proc")


@dataclass(frozen=True)
class ServerProcess:
    """A process that this program started.

    Attributes:
        pid: Its id, which is also that of its process group.
        birth: Its birth mark; empty if it had ended before the mark could be read.
    """

    pid: int
    birth: str


def birth_mark(pid: int) -> str | None:
    """When the process was born, as a string equal for no other process with this id.

    On Linux the boot's id and the start time in clock ticks since that boot (proc(5), `starttime`);
    elsewhere the start time as `ps` prints it. A zombie has ended: it has no mark.
    """
    if not (_PROC / "self" / "stat").exists():
        return _birth_mark_from_ps(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    if state in "ZX":
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{start_ticks}"


def _birth_mark_from_ps(pid: int) -> str | None:
    result = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "PATH": os.defpath},
    )
    state, _, born = result.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else born.strip()


def spawn(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> ServerProcess:
    """Starts a server that outlives this process, as the leader of a process group of its own.

    Args:
        command: Program and arguments. Other users can read them: no secret belongs here.
        environment: All the environment it gets; nothing is inherited.
        folder: Its working folder.
        log: Where it prints to; an older log is kept beside it as `<log>.1`.

    Returns:
        The process.
    """
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The server is meant to outlive this object, whose destructor would warn of that.
    process.returncode = 0
    return ServerProcess(process.pid, birth_mark(process.pid) or "")


def is_alive(process: ServerProcess) -> bool:
    """Whether that very process is still there, not merely one with its id."""
    return birth_mark(process.pid) == process.birth


def end(process: ServerProcess, grace_seconds: float = 10.0) -> None:
    """Ends a spawned server's process group: SIGTERM, and SIGKILL if it stays longer than granted.

    Does nothing if the process has ended, even if its id was given to another process since.
    """
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(process):
            break
        os.killpg(process.pid, signal_number)
        deadline = time.monotonic() + grace_seconds
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    _reap(process.pid)


def _reap(pid: int) -> None:
    """Removes the zombie if the process was a child of this one."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
