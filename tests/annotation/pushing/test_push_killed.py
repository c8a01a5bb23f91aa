"""A push that dies at any write or request loses nothing and sends nothing twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from alignbench.annotation.label_studio.server import TIMEOUT, LabelStudioServer, connect
from alignbench.annotation.label_studio.transport import Transport
from alignbench.annotation.pushing.ledger import pushed_keys
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.push_stage import imports, is_import, on_server, options, push_all, reopened
from tests.annotation.workspaces import Prepared, prepare
from tests.faults.http_proxy import Call, faults_before
from tests.fixtures.services import EmbeddedLabelStudio

Result = TypeVar("Result")

# Two chunks and two projects, so that every kind of step is there twice.
_OPTIONS = options(tasks_per_project=4)
_CHUNK = 3


class Killed(BaseException):
    """Ends a push as a kill does: nothing catches it, nothing cleans up."""


class Killer:
    """Counts the steps of a push and ends it at one of them, before or after it is done."""

    def __init__(self, step: int | None = None, done: bool = False) -> None:
        self.steps: list[str] = []
        self._step = step
        self._done = done

    def perform(self, name: str, action: Callable[[], Result]) -> Result:
        self.steps.append(name)
        is_last = len(self.steps) - 1 == self._step
        if is_last and not self._done:
            raise Killed
        result = action()
        if is_last:
            raise Killed
        return result


class KillableStore(LocalStore):
    def __init__(self, root: Path, killer: Killer) -> None:
        super().__init__(root)
        self._killer = killer

    def write(self, key: str, data: bytes) -> None:
        super_write = super().write
        self._killer.perform("writing", lambda: super_write(key, data))


class KillableTransport(Transport):
    killer: Killer | None = None

    def once(self, what: str, call: Callable[[], Result]) -> Result:
        super_once = super().once
        if self.killer is None:
            return super_once(what, call)
        name = " ".join(word for word in what.split() if not word.isdigit())
        return self.killer.perform(name, lambda: super_once(what, call))


def _push(prepared: Prepared, label_studio: EmbeddedLabelStudio, killer: Killer) -> None:
    transport = KillableTransport(label_studio.url, label_studio.token, TIMEOUT)
    server = LabelStudioServer(transport)
    transport.killer = killer
    store = KillableStore(Path(prepared.workspace.url), killer)
    push_all(prepared._replace(workspace=Workspace(store)), server, _OPTIONS, _CHUNK)


def _check_kill(
    root: Path,
    label_studio: EmbeddedLabelStudio,
    server: LabelStudioServer,
    step: int,
    done: bool,
) -> None:
    prepared = prepare(root, images=2)
    projects = _project_count(server)
    with pytest.raises(Killed):
        _push(prepared, label_studio, Killer(step, done))
    push_all(reopened(prepared), server, _OPTIONS, _CHUNK)
    sentences = on_server(reopened(prepared), server)
    assert len(sentences) == 6
    assert set(sentences.values()) == {1}
    assert len(pushed_keys(reopened(prepared).workspace, server.identity, "1")) == 6
    assert _project_count(server) == projects + 2
    assert push_all(reopened(prepared), server, _OPTIONS, _CHUNK) == 0


def _project_count(server: LabelStudioServer) -> int:
    answer = server._transport.get_json("counting projects", "api/projects/", {"page_size": 1})
    assert isinstance(answer, dict)
    return int(answer["count"])


def _steps(root: Path, label_studio: EmbeddedLabelStudio) -> list[str]:
    killer = Killer()
    _push(prepare(root / "uninterrupted", images=2), label_studio, killer)
    return killer.steps


def test_a_push_killed_at_each_kind_of_step_makes_no_duplicate(
    root: Path, label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    steps = _steps(root, label_studio)
    changing = [name for name in steps if not name.startswith(("reading", "listing"))]
    assert len(set(changing)) == 4  # writing, creating a project, showing images, sending tasks
    last_write = len(steps) - 1 - steps[::-1].index("writing")
    for step in [last_write, *(steps.index(name) for name in sorted(set(changing)))]:
        for done in (False, True):
            _check_kill(root / f"{step}-{done}", label_studio, server, step, done)


@pytest.mark.full
def test_a_push_killed_at_any_step_makes_no_duplicate(
    root: Path, label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    for step in range(len(_steps(root, label_studio))):
        for done in (False, True):
            _check_kill(root / f"{step}-{done}", label_studio, server, step, done)


_SCRIPT = """
import sys
from pathlib import Path
from alignbench.annotation.label_studio.server import connect
from tests.annotation.push_stage import push_all
from tests.annotation.workspaces import GENERATOR, SPLITTER, Prepared
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.selection import Selection
from alignbench.workspace.workspace import Workspace
root, url, token = sys.argv[1:]
workspace = Workspace(LocalStore(Path(root)))
push_all(Prepared(workspace, Selection((GENERATOR,), SPLITTER)), connect(url, token))
"""


def test_a_process_killed_while_tasks_are_sent_makes_no_duplicate(
    root: Path, label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    prepared = prepare(root)
    with faults_before(label_studio.url) as proxy:
        arguments = [sys.executable, "-c", _SCRIPT, str(root), proxy.url, label_studio.token]
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE)

        def kill(call: Call) -> None:
            if is_import(call):
                os.kill(process.pid, signal.SIGKILL)

        proxy.carried_out = kill
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert push_all(reopened(prepared), connect(proxy.url, label_studio.token)) == 0
        assert imports(proxy) == 1
    assert set(on_server(prepared, server).values()) == {1}
