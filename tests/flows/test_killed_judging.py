"""Answers and judgements of a process that was killed at any time are those of one that was not."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alignbench.flows.questions.judge import judge
from alignbench.flows.questions.respond import respond
from alignbench.schemas.tables import JUDGEMENTS, RESPONSES
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

COMMITS = "[run]\ncommit_rows = 8\n"


def slowly(reply: Reply) -> Reply:
    time.sleep(0.01)
    return reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def by_length(asked: Asked) -> Reply:
        return slowly(rated(1 + len(asked.body["messages"][-1]["content"]) % 10))

    with running() as found:
        found.script = by_model({"good": lambda _: slowly(said("Two cats.")), "critic": by_length})
        yield found


def killed_at_work(root: Path, verb: str, table: str, chance: random.Random) -> bool:
    """Kills a stage at a random point after its first commits; False if it ended before."""
    parts = root / "tables" / table
    there = len(list(parts.glob("*.parquet")))
    commits, pause = chance.randint(0, 2), chance.uniform(0, 0.1)
    command = [Path(sys.executable).with_name("alignbench"), "-C", root, verb]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as process:
        while process.poll() is None and len(list(parts.glob("*.parquet"))) <= there + commits:
            time.sleep(0.002)
        time.sleep(pause)
        process.kill()
    return process.returncode == -signal.SIGKILL


def rows(opened: Workspace) -> dict[str, tuple[str, float]]:
    texts = {row.response_id: row.text for row in opened.table(RESPONSES).rows()}
    return {
        row.judgement_id: (texts[row.response_id], row.score)
        for row in opened.table(JUDGEMENTS).rows()
    }


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_killed_ten_times_the_same_keys_and_scores_are_there(
    tmp_path: Path, server: ModelServer
) -> None:
    config = "\n".join([
        entry("captioners", "good", server.base_url, max_concurrency=4, start_concurrency=4),
        entry("judges", "critic", server.base_url, max_concurrency=4, start_concurrency=4),
        COMMITS,
    ])  # fmt: skip
    entries = [question(number) for number in range(240)]
    whole = workspace(tmp_path / "whole", config, entries)
    killed = workspace(tmp_path / "killed", config, entries)
    chance = random.Random(4)
    for opened in (whole, killed):
        respond.fn(opened.url, limit=60 if opened is killed else None)
    kills = [
        killed_at_work(tmp_path / "killed", *stage, chance)
        for stage in [("respond", "responses")] * 4 + [("judge", "judgements")] * 6
    ]
    assert all(kills), "a kill that came too late is none"
    for opened in (whole, killed):
        respond.fn(opened.url)
        judge.fn(opened.url)
    found = rows(open_workspace(tmp_path / "killed"))
    assert len(found) == 240
    assert found == rows(whole)
