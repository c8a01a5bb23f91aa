"""The manager's page while it is kept up to date, and what of it Prefect shows."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.server import connect
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Verdict
from tests.annotation.push_stage import options, push_all
from tests.annotation.workspaces import prepare
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import environment, new_workspace

_LONGEST_WAIT = 90.0


@contextmanager
def watching(root: Path, server: EmbeddedLabelStudio, prefect: str) -> Iterator["Watched"]:
    """Runs the report until Ctrl+C, as a manager does who leaves it open."""
    command = [str(Path(sys.executable).parent / "alignbench"), "-C", str(root)]
    with subprocess.Popen(
        [*command, "annotators", "report", "--watch", "--every", "1"],
        env={**environment(server), "PREFECT_API_URL": prefect, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Watched(process, root / "private" / "team" / "team.html")
        finally:
            if process.poll() is None:
                process.kill()


class Watched:
    """A report that is kept up to date."""

    def __init__(self, process: "subprocess.Popen[str]", page: Path) -> None:
        self.process = process
        self._page = page

    def is_written(self) -> None:
        """Waits until it is written, from now on, as a whole."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("annotators: report written to"):
                return
        raise AssertionError(self.process.stderr.read() if self.process.stderr else "")

    def comes_to(self, is_so: Callable[[str], bool]) -> str:
        """Waits until the page is so, and returns it."""
        until = time.monotonic() + _LONGEST_WAIT
        while time.monotonic() < until:
            self.is_written()
            if is_so(page := self._page.read_text()):
                return page
        raise AssertionError(self._page.read_text())


def artifacts(prefect: str, key: str, since: str) -> list[list[dict[str, Any]]]:
    """Returns the tables that were published under a key, the newest first."""
    wanted = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 50}
    found = httpx.post(f"{prefect}/artifacts/filter", json=wanted, timeout=60).json()
    return [json.loads(one["data"]) for one in found if one["created"] >= since]


def test_a_report_that_is_watched_takes_in_new_answers_and_is_shown_by_prefect(
    label_studio: EmbeddedLabelStudio, prefect_server: str, tmp_path: Path
) -> None:
    name = f"{tmp_path.parent.name}-{tmp_path.name}"
    root = new_workspace(label_studio.root / "blobs" / name)
    prepared = prepare(root, images=1)
    server = connect(label_studio.url, label_studio.token)
    assert push_all(prepared, server, replace(options(answers=1), assignee=server.operator())) == 3
    started = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    rows = prepared.workspace.table(TASKS).rows()
    first, second, _ = [row.task_id for row in rows if row.task_id is not None]
    submit_answer(label_studio.url, label_studio.token, first, Verdict.CORRECT)
    with watching(root, label_studio, prefect_server) as watched:
        page = watched.comes_to(lambda text: server.operator() in text)
        assert '<meta http-equiv="refresh" content="1' in page
        submit_answer(label_studio.url, label_studio.token, second, Verdict.UNKNOWN)
        watched.comes_to(lambda _: given(root) == 2)
        os.kill(watched.process.pid, signal.SIGINT)
        assert watched.process.wait(60) == 130
    rounds = artifacts(prefect_server, "annotators-rounds", started)
    people = artifacts(prefect_server, "annotators-people", started)
    assert [row["round"] for row in rounds[0]] == ["1"]
    assert [(row["annotator"], row["given"]) for row in people[0]] == [(server.operator(), 2)]


def given(root: Path) -> int:
    """How many answers the report's table of days counts."""
    with (root / "private" / "team" / "days.csv").open(newline="") as file:
        return sum(int(row["answers"]) for row in csv.DictReader(file))
