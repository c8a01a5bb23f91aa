"""A team at work for 200 random steps, while push, pull and the server are killed under it."""

import logging
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.replies import MOST_SKIPS
from alignbench.annotation.label_studio.results import answer_result
from alignbench.annotation.rounds.withdrawal import exclude_annotator, readmit_annotator
from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.pull import pull
from alignbench.flows.push import push
from alignbench.flows.split import split
from alignbench.flows.team.people import hand_over_work, pause, push_open_rounds, resume
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.tables import ANNOTATIONS
from alignbench.schemas.vocabulary import AnnotationStatus, Verdict
from alignbench.services import ServiceName, down, label_studio_connection, read_credentials, up
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import killed_before_write, new_workspace
from tests.flows.test_queues import Team

_SEED = 0
_STEPS = 200
_SENTENCES = 60
_WANTED = 3
_PEOPLE = 5
_MOST_PEOPLE = 9
_MOST_OUT = 2
"""So many may be excluded or paused at a time, that there is always somebody to ask."""
_LOG = logging.getLogger(__name__)


class OwnServer:
    """A Label Studio of the test's own, which may be killed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pid = self._started()

    def embedded(self) -> EmbeddedLabelStudio:
        connection, credentials = label_studio_connection(self._root), read_credentials(self._root)
        assert credentials is not None
        return EmbeddedLabelStudio(
            self._root, connection.url, connection.token, credentials.username, credentials.password
        )

    def dies_during(self, action: Callable[[], object], after_seconds: float) -> None:
        """Has the server killed while something is done with it, and starts it again."""
        killer = threading.Timer(after_seconds, os.killpg, (self._pid, signal.SIGKILL))
        killer.start()
        with suppress(AlignBenchError):
            action()
        killer.join()
        with suppress(psutil.NoSuchProcess):
            while psutil.Process(self._pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)
        self._pid = self._started()

    def _started(self) -> int:
        [state] = up(self._root, [ServiceName.LABEL_STUDIO])
        assert state.pid is not None
        return state.pid


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    try:
        yield OwnServer(tmp_path)
    finally:
        down(tmp_path)


class Shown(NamedTuple):
    """What a labelling page shows: a task, and the sentence in it."""

    task_id: int
    sentence_id: str


class TeamUnderKills:
    """A round, its people, and what they are known to have submitted.

    Attributes:
        given: Who answered what, by the id that the server gave to the answer.
        steps: How often each step was taken, and how often a command died in one.
    """

    def __init__(self, team: Team, server: OwnServer, seed: int) -> None:
        self.team = team
        self.given: dict[int, tuple[str, str]] = {}
        self.steps: Counter[str] = Counter()
        self._server = server
        self._draw = random.Random(seed)
        self._paused: set[str] = set()
        self._excluded: set[str] = set()

    def take(self, number: int) -> None:
        step = self._draw.choices(
            [self.answer, self.skip, self.answer_late, self.push, self.pull, self.hand_over,
             self.pause, self.resume, self.exclude, self.undo, self.join, self.kill_push,
             self.kill_hand_over, self.kill_pull, self.kill_server],
            [60, 3, 4, 5, 8, 4, 4, 4, 4, 4, 3, 5, 3, 4, 2],
        )[0]  # fmt: skip
        self.steps[step.__name__] += 1
        _LOG.info("step %d: %s", number, step.__name__)
        step()

    def _working(self) -> list[str]:
        return sorted(set(self.team.people) - self._paused - self._excluded)

    def _shown_next(self, name: str) -> Shown | None:
        """What a person's page shows them next, whether or not our tables know that it was sent."""
        for project in sorted({task.project_id for task in self.team.tasks(name)}):
            answer = self._asks(name, "POST", f"dm/actions?id=next_task&project={project}")
            if answer.status_code == 200:
                task = answer.json()
                return Shown(task["id"], task["data"]["sentence_id"])
        return None

    def _asks(self, name: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Token {self.team._tokens[name]}"}
        url = f"{self.team.url}/api/{path}"
        return httpx.request(method, url, json=body, headers=headers, timeout=300)

    def _submits(self, name: str, shown: Shown, *, skip: bool = False) -> None:
        path = f"tasks/{shown.task_id}/annotations/"
        body = {"result": [] if skip else answer_result(Verdict.CORRECT), "was_cancelled": skip}
        answer = self._asks(name, "POST", path, body)
        assert answer.status_code == 201, answer.text
        if not skip:
            self.given[answer.json()["id"]] = (shown.sentence_id, name)

    def answer(self) -> None:
        name = self._draw.choice(self._working())
        for _ in range(self._draw.randint(1, 3)):
            if (shown := self._shown_next(name)) is not None:
                self._submits(name, shown)

    def skip(self) -> None:
        name = self._draw.choice(self._working())
        if (shown := self._shown_next(name)) is not None:
            self._submits(name, shown, skip=True)

    def answer_late(self) -> None:
        """Somebody submits a page that was open while its question was taken back."""
        giver = self._draw.choice(self._working())
        told = set(self.given.values())
        theirs = [t for t in self.team.tasks(giver) if (t.sentence_id, giver) not in told]
        hand_over_work(self.team.address, giver, [])
        if theirs:
            self._submits(giver, Shown(theirs[-1].task_id or 0, theirs[-1].sentence_id))

    def push(self) -> None:
        push.fn(workspace=self.team.address)

    def pull(self) -> None:
        pull.fn(workspace=self.team.address)

    def hand_over(self) -> None:
        giver, taker = self._draw.sample(self._working(), 2)
        hand_over_work(self.team.address, giver, [taker])

    def pause(self) -> None:
        if len(self._paused | self._excluded) < _MOST_OUT:
            name = self._draw.choice(self._working())
            pause(self.team.address, name)
            self._paused.add(name)

    def resume(self) -> None:
        if self._paused:
            name = self._draw.choice(sorted(self._paused))
            resume(self.team.address, name)
            self._paused.remove(name)

    def exclude(self) -> None:
        if (name := self._excludes()) is not None:
            push_open_rounds(self.team.address, asked=name)

    def _excludes(self) -> str | None:
        """Has the answers of somebody count no more; only of whom there are any can they."""
        known = {row.annotator for row in self.team.workspace().table(ANNOTATIONS).rows()}
        names = [name for name in self._working() if name in known]
        if not names or len(self._paused | self._excluded) >= _MOST_OUT:
            return None
        name = self._draw.choice(names)
        exclude_annotator(self.team.workspace(), name, "a test", "test")
        self._excluded.add(name)
        return name

    def undo(self) -> None:
        if self._excluded:
            push_open_rounds(self.team.address, asked=self._readmits())

    def _readmits(self) -> str:
        name = self._draw.choice(sorted(self._excluded))
        readmit_annotator(self.team.workspace(), name, "test")
        self._excluded.remove(name)
        return name

    def join(self) -> None:
        if len(self.team.people) < _MOST_PEOPLE:
            self.team.join(1)
            self.push()

    def kill_push(self) -> None:
        """There is something to deal, and the command that deals it dies before a write."""
        if self._excluded:
            self._readmits()
        else:
            self._excludes()
        self._killed("push")

    def kill_hand_over(self) -> None:
        self._killed("annotators", "hand-over", self._draw.choice(self._working()))

    def kill_pull(self) -> None:
        self._killed("pull")

    def _killed(self, *arguments: str) -> None:
        died = killed_before_write(
            self._draw.randint(1, 4),
            self.team.root,
            *arguments,
            server=self._server.embedded(),
        )
        self.steps[f"{arguments[0]} died"] += died

    def kill_server(self) -> None:
        action = self._draw.choice([self.push, self.pull, self.hand_over])
        self._server.dies_during(action, self._draw.uniform(0.02, 1.0))

    def finish(self) -> None:
        """Everybody comes back, and all is answered that is still asked."""
        for name in sorted(self._paused):
            resume(self.team.address, name)
        self._paused.clear()
        for _ in range(20):
            self.pull()
            self.push()
            if not any(self._work(name) for name in self._working()):
                return
        raise AssertionError("New questions come for ever.")

    def _work(self, name: str) -> int:
        done = 0
        while (shown := self._shown_next(name)) is not None:
            self._submits(name, shown)
            done += 1
        return done

    def check(self) -> None:
        """Nothing is lost, nothing was asked twice of one person, every quota is met."""
        workspace = self.team.workspace()
        rows = {
            row.annotation_id: (row.sentence_id, row.annotator)
            for row in workspace.table(ANNOTATIONS).rows()
            if row.status is AnnotationStatus.SUBMITTED
        }
        assert rows == self.given, "Every answer that the server took is here, and no other."
        assert max(Counter(self.given.values()).values()) == 1
        questions = RoundQuestions(workspace, "1")
        assert not questions.is_open.any()
        units = questions.unit_ids.to_pylist()
        skips = dict(zip(units, questions.skips.tolist(), strict=True))
        votes = Counter(sentence for sentence, name in rows.values() if name not in self._excluded)
        asked = set(questions.table()["unit_id"].to_pylist())
        short = {unit for unit in asked if votes[unit] < _WANTED}
        assert {unit for unit in short if skips[unit] < MOST_SKIPS} == set()
        assert len(asked) == _SENTENCES
        _LOG.info(
            "%d sentences, %d answers wanted, %d that count of %d given; steps: %s",
            _SENTENCES, _WANTED * _SENTENCES, sum(votes.values()), len(rows), dict(self.steps),
        )  # fmt: skip


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_in_200_steps_with_kills_nothing_is_lost_or_asked_twice_and_every_quota_is_met(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = server.embedded()
    monkeypatch.setenv("LABEL_STUDIO_URL", embedded.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", embedded.token)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    team = Team(new_workspace(embedded.root / "blobs" / "own"), embedded)
    for stage in (ingest, caption, split):
        stage.fn(workspace=team.address)
    team.join(_PEOPLE)
    push.fn(workspace=team.address, sample=_SENTENCES)
    under_kills = TeamUnderKills(team, server, _SEED)
    for number in range(_STEPS):
        under_kills.take(number)
    under_kills.finish()
    under_kills.check()
    assert under_kills.steps["push died"] > 0
    assert under_kills.steps["annotators died"] > 0
    assert under_kills.steps["pull died"] > 0
    assert under_kills.steps["kill_server"] > 0
