"""A round in which everybody has a queue, on the real server: who is asked what, and how often."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from alignbench.annotation.errors import AccountError
from alignbench.annotation.label_studio.accounts import create_annotator, submit_answer, token_of
from alignbench.annotation.label_studio.results import answer_result
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.rounds.withdrawal import exclude_annotator, readmit_annotator
from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.pull import pull
from alignbench.flows.push import push
from alignbench.flows.split import split
from alignbench.flows.team.people import hand_over_work, pause, push_open_rounds, resume
from alignbench.flows.team.queues import round_queues
from alignbench.flows.team.report import team_report
from alignbench.scenes.describing import caption as caption_of
from alignbench.scenes.drawing import png
from alignbench.scenes.sampling import sample_scenes
from alignbench.schemas.ids import caption_id
from alignbench.schemas.rows.annotation import Annotation, Task
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE, SENTENCES, TASKS
from alignbench.schemas.vocabulary import (
    AnnotationStatus,
    AssignmentState,
    Purpose,
    TaskState,
    Verdict,
)
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import new_workspace, with_team

PASSWORD = "a long password"
_PATIENCE_SECONDS = 900.0
_LOG = logging.getLogger(__name__)


class Team:
    """People with real accounts who answer what their queue offers them."""

    def __init__(self, root: Path, label_studio: EmbeddedLabelStudio) -> None:
        self.root = root
        self.url = label_studio.url
        self.server: LabelStudioServer = connect(label_studio.url, label_studio.token)
        self.people: list[str] = []
        self._tokens: dict[str, str] = {}
        self.operator_token = label_studio.token
        self.shown_images = label_studio.images

    @property
    def address(self) -> str:
        return str(self.root)

    def workspace(self) -> Workspace:
        return open_workspace(self.address)

    def join(self, count: int) -> list[str]:
        """Makes accounts of people who are in the team then."""
        first = len(self.people)
        new = [f"{self.root.name}-{n:02}@example.org" for n in range(first, first + count)]
        for name in new:
            create_annotator(self.url, self.server.invitation(), name, PASSWORD)
            self._tokens[name] = token_of(self.url, name, PASSWORD)
        self.people += new
        self.form(self.people)
        return new

    def add_drawn_images(self, count: int) -> None:
        """Adds drawn scenes with their captions, which are cut into sentences then."""
        lines = []
        for number, scene in enumerate(sample_scenes(count, seed=11)):
            name = f"scene-{number:03}.png"
            (self.root / "inputs" / "photographs" / name).write_bytes(png(scene))
            told = {"file_name": name, "model": "photo-careful", "caption": caption_of(scene)}
            lines.append(json.dumps(told))
        with (self.root / "inputs" / "captions.jsonl").open("a") as file:
            file.write("\n".join(["", *lines, ""]))
        for stage in (ingest, caption, split):
            stage.fn(workspace=self.address)

    def form(self, people: Sequence[str], answers: int = 3) -> None:
        """Names who is in the team, in the configuration."""
        (self.root / "alignbench.toml").write_text(with_team(people, answers))

    def tasks(self, name: str | None = None) -> list[Task]:
        rows = [t for t in self.workspace().table(TASKS).rows() if t.state is TaskState.CONFIRMED]
        return sorted((t for t in rows if name in (None, t.assignee)), key=lambda t: t.task_id or 0)

    def project(self, name: str) -> int:
        [project] = {task.project_id for task in self.tasks(name)}
        return project

    def submit(self, name: str, task_id: int) -> None:
        submit_answer(self.url, self._tokens[name], task_id, Verdict.CORRECT)

    def work(self, name: str, most: int) -> list[int]:
        """Answers what the queue offers; returns the tasks in order."""
        if not self.tasks(name):
            return []
        project, done = self.project(name), []
        # As a browser: one connection for all its requests, and no end to its patience.
        headers = {"Authorization": f"Token {self._tokens[name]}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=_PATIENCE_SECONDS) as page:
            while len(done) < most and (task_id := _next_task(page, project)) is not None:
                answer = {"result": answer_result(Verdict.CORRECT, ())}
                page.post(f"/api/tasks/{task_id}/annotations/", json=answer).raise_for_status()
                done.append(task_id)
        return done

    def work_at_once(self, most: int, people: Sequence[str] = ()) -> dict[str, list[int]]:
        """Has these people, or everybody, answer so much; returns the tasks of each in order."""
        people = people or self.people
        with ThreadPoolExecutor(len(people)) as threads:
            found = threads.map(lambda name: self.work(name, most), people)
            return dict(zip(people, found, strict=True))

    def as_operator(self, method: str, path: str, body: Any = None) -> Any:
        """Sends a request that no labelling page sends."""
        headers = {"Authorization": f"Token {self.operator_token}"}
        response = httpx.request(
            method, f"{self.url}/api/{path}", json=body, headers=headers, timeout=60
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def votes(self) -> list[Annotation]:
        rows = self.workspace().table(ANNOTATIONS).rows()
        return [row for row in rows if row.status is AnnotationStatus.SUBMITTED]


def _next_task(page: httpx.Client, project: int) -> int | None:
    """What the label stream offers, asked as a page does that shows tasks as displayed."""
    response = page.post(
        "/api/dm/actions",
        params={"id": "next_task", "project": project},
        json={"ordering": [], "filters": {"conjunction": "and", "items": []}},
    )
    return response.json()["id"] if response.status_code == 200 else None


@pytest.fixture
def team(
    label_studio: EmbeddedLabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Team:
    """A workspace with sentences, none of them sent, and nobody in the team yet."""
    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    root = new_workspace(label_studio.root / "blobs" / f"{tmp_path.parent.name}-{tmp_path.name}")
    for stage in (ingest, caption, split):
        stage.fn(workspace=str(root))
    return Team(root, label_studio)


def image_changes(team: Team, orders: Sequence[Sequence[int]]) -> int:
    images = {row.sentence_id: row.image_id for row in team.workspace().table(SENTENCES).rows()}
    of_task = {task.task_id: images[task.sentence_id] for task in team.tasks()}
    return sum(
        of_task[one] != of_task[next_one] for order in orders for one, next_one in pairwise(order)
    )


def check_everything_is_answered(
    team: Team, sentences: int, orders: Mapping[str, Sequence[int]]
) -> None:
    """Checks that each sentence has three answers, and that nobody was shown images in turn.

    Args:
        team: Whose answers, all of which have been pulled.
        sentences: How many sentences the round has.
        orders: The tasks that each has answered, in their order.
    """
    given = Counter((vote.sentence_id, vote.annotator) for vote in team.votes())
    assert max(given.values()) == 1, "nothing is asked twice of one person"
    counts = Counter(sentence for sentence, _ in given)
    assert len(counts) == sentences
    assert min(counts.values()) == 3
    images = {row.sentence_id: row.image_id for row in team.workspace().table(SENTENCES).rows()}
    least = len({(images[sentence], name) for sentence, name in given}) - len(orders)
    changes = image_changes(team, list(orders.values()))
    _LOG.info(
        "%d sentences, %d answers wanted, %d given (%d over); image changes %d of at least %d",
        sentences, 3 * sentences, len(given), len(given) - 3 * sentences, changes, least,
    )  # fmt: skip
    assert len(given) <= 3 * sentences * 1.01
    assert changes <= 1.1 * max(1, least)
    assert push.fn(workspace=team.address).made == 0


def test_people_who_answer_at_once_join_and_leave_give_each_sentence_three_answers(
    team: Team,
) -> None:
    team.join(5)
    push.fn(workspace=team.address, sample=14)
    assert len(team.tasks()) == 3 * 14
    orders = team.work_at_once(2)
    pull.fn(workspace=team.address)
    pause(team.address, team.people[0])
    hand_over_work(team.address, team.people[1], [team.people[2]])
    team.join(1)
    push_open_rounds(team.address)
    resume(team.address, team.people[0])
    for name, done in team.work_at_once(10_000).items():
        orders.setdefault(name, []).extend(done)
    pull.fn(workspace=team.address)
    check_everything_is_answered(team, 14, orders)


def test_the_managers_page_shows_what_was_changed_past_the_labelling_page(team: Team) -> None:
    """The operator's token stands for anybody's on a server without the guard."""
    ann, bob = team.join(2)
    team.form([ann, bob], answers=1)
    push.fn(workspace=team.address, sample=60)
    hand_over_work(team.address, ann, [bob])
    tasks = team.tasks(ann)
    first, second, third = (task.task_id or 0 for task in tasks[:3])
    for task_id in (first, second, third):
        team.submit(ann, task_id)
    pull.fn(workspace=team.address)
    team.as_operator("DELETE", f"tasks/{third}/")
    [answer] = team.as_operator("GET", f"tasks/{first}/")["annotations"]
    choice = {"from_name": "verdict", "to_name": "sentence", "type": "choices"}
    changed = [{**choice, "value": {"choices": ["unknown"]}}]
    team.as_operator("PATCH", f"annotations/{answer['id']}/", {"result": changed})
    taken_back = tasks[-1].task_id
    team.as_operator("PATCH", f"tasks/{taken_back}/", {"is_labeled": False})
    pull.fn(workspace=team.address, accept_deletions=True)
    written = team_report.fn(workspace=team.address)
    assert written.server_fault is None
    found = {(row["what"], row["task"]) for row in written.tables["outside"].to_pylist()}
    assert found == {
        ("answer edited by somebody else", first),
        ("answer deleted", third),
        ("task deleted", third),
        ("closed task opened again", taken_back),
    }
    assert "closed task opened again" in written.page.read_text()
    push.fn(workspace=team.address)
    again = {
        row["what"] for row in team_report.fn(workspace=team.address).tables["outside"].to_pylist()
    }
    assert "closed task opened again" not in again
    assert "task deleted" in again


def test_what_does_not_count_goes_to_somebody_new_and_an_exclusion_can_be_undone(
    team: Team,
) -> None:
    ann, bob, carl, dora = team.join(4)
    push.fn(workspace=team.address, sample=4)
    theirs = team.tasks(ann)
    with pytest.raises(AccountError, match="took no answer"):  # the guard: a queue is one's own
        team.submit(bob, theirs[0].task_id or 0)
    submit_answer(team.url, team.operator_token, theirs[0].task_id or 0, Verdict.CORRECT)
    for task in theirs[1:]:
        team.submit(ann, task.task_id or 0)
    pull.fn(workspace=team.address)
    [doubtful] = team.workspace().table(QUARANTINE).rows()
    assert doubtful.code == "AB-A39"
    push.fn(workspace=team.address)
    asked = {
        row.annotator: row.state
        for row in team.workspace().table(ASSIGNMENTS).rows()
        if row.unit_id == theirs[0].sentence_id
    }
    assert asked[ann] is AssignmentState.CLOSED
    assert set(asked) == {ann, bob, carl, dora}, "A queue of their own for everybody."
    exclude_annotator(team.workspace(), ann, "guesses", "test")
    push.fn(workspace=team.address)
    open_now = [q.open for q in round_queues(team.address, None) if q.annotator != ann]
    assert sum(open_now) == 3 * 4
    readmit_annotator(team.workspace(), ann, "test")
    push.fn(workspace=team.address)
    queues = {queue.annotator: queue for queue in round_queues(team.address, None)}
    assert queues[ann].answered == len(theirs) - 1
    assert queues[ann].open == 0


def test_a_task_that_is_open_when_it_is_taken_back_can_still_be_answered_and_counts(
    team: Team,
) -> None:
    ann, bob = team.join(2)
    team.form([ann, bob], answers=1)
    push.fn(workspace=team.address, sample=60)
    last = team.tasks(ann)[-1]
    hand_over_work(team.address, ann, [bob])
    offers = team.server.offered(last.project_id, [last.task_id or 0])
    assert [task.is_offered for task in offers] == [False]
    team.submit(ann, last.task_id or 0)
    pull.fn(workspace=team.address)
    push.fn(workspace=team.address)
    states = {
        row.annotator: row.state
        for row in team.workspace().table(ASSIGNMENTS).rows()
        if row.unit_id == last.sentence_id
    }
    assert states[ann] is AssignmentState.ANSWERED
    assert states[bob] in (AssignmentState.CLOSED, AssignmentState.OPEN)
    left = [queue.open for queue in round_queues(team.address, None)]
    assert sum(left) in (59, 60), "Only what the other has begun may be answered twice."


_SHOWN = {
    "sentence": {
        "image", "sentence", "before", "after", "place", "progress", "sentence_id", "text_sha256",
    },
    "caption": {"image", "caption", "progress", "sentence_id", "text_sha256"},
}  # fmt: skip
_A_TASKS_OWN = frozenset({
    "id", "inner_id", "task", "unique_id", "unique_lock_id", "data", "lead_time", "result",
    "draft_created_at", "created_at", "updated_at", "created_ago", "last_created_by",
})  # fmt: skip


def _what_a_person_is_told(team: Team, name: str) -> dict[int, list[Any]]:
    """Answers a queue, and returns by task what the server said to each request about it."""
    told: dict[int, list[Any]] = {}
    project = team.project(name)
    headers = {"Authorization": f"Token {team._tokens[name]}"}
    with httpx.Client(base_url=f"{team.url}/api", headers=headers, timeout=60) as page:

        def asks(method: str, path: str, body: Any = None) -> Any:
            answer = page.request(method, path, json=body)
            assert answer.is_success, (method, path, answer.text)
            return answer.json()

        while (offered := page.post(f"/dm/actions?id=next_task&project={project}")).is_success:
            task = f"/tasks/{offered.json()['id']}"
            draft = asks("POST", f"{task}/drafts", {"result": [], "lead_time": 1})
            said = [
                offered.json(), draft, asks("GET", f"{task}/?resolve_uri=true"),
                asks("GET", f"{task}/drafts"), asks("GET", f"/drafts/{draft['id']}/"),
                asks("GET", f"{task}/annotations/"), asks("GET", f"/projects/{project}/next"),
            ]  # fmt: skip
            result = answer_result(Verdict.CORRECT)
            answer = asks("POST", f"{task}/annotations/", {"result": result, "lead_time": 9})
            one = f"/annotations/{answer['id']}/"
            said += [answer, asks("GET", one), asks("PATCH", one, {"result": result})]
            said.append(asks("GET", f"{task}/annotations/{answer['id']}/drafts"))
            said.append(asks("GET", f"{task}/"))
            told[offered.json()["id"]] = said
    return told


def _without_what_is_its_own(said: Any) -> Any:
    """Leaves of an answer what could tell why a task was sent: all but its ids, times and data."""
    if isinstance(said, list):
        return [_without_what_is_its_own(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {
        key: sorted(value) if key == "data" else type(value).__name__
        if key in _A_TASKS_OWN
        else _without_what_is_its_own(value)
        for key, value in said.items()
    }  # fmt: skip


@pytest.mark.parametrize("unit", ["sentence", "caption"])
def test_no_request_tells_gold_from_what_is_to_be_labelled(team: Team, unit: str) -> None:
    ann, *_ = team.join(4)
    rows = sorted(team.workspace().table(SENTENCES).rows(), key=lambda row: row.sentence_id)
    lines = [f'{{"sentence_id": "{row.sentence_id}", "verdict": "correct"}}' for row in rows[:12]]
    (team.root / "gold.jsonl").write_text("\n".join(lines))
    config = team.root / "alignbench.toml"
    gold = f'[annotation]\nunit = "{unit}"\ngold = "gold.jsonl"\ngold_share = 0.3'
    config.write_text(config.read_text().replace("[annotation]", gold))
    push.fn(workspace=team.address, sample=20)
    purposes = {task.task_id: task.purpose for task in team.tasks(ann)}
    assert set(purposes.values()) == {Purpose.LABEL, Purpose.GOLD}
    told = _what_a_person_is_told(team, ann)
    assert told.keys() == purposes.keys()
    seen: dict[str, set[str]] = {"label": set(), "gold": set()}
    for task_id, said in told.items():
        assert set(said[0]["data"]) == _SHOWN[unit]
        seen[purposes[task_id]].add(repr(_without_what_is_its_own(said)))
    assert seen["gold"] == seen["label"]
    # Nor does what stands around it: whoever is asked about one unit of an image has them all.
    images = {row.sentence_id: row.image_id for row in rows}
    images |= {caption_id(row.pair_id, row.splitter_id): row.image_id for row in rows}
    people_of: dict[str, set[str]] = {}
    for task in team.tasks():
        people_of.setdefault(task.sentence_id, set()).add(task.assignee or "")
    groups_of: dict[str, set[frozenset[str]]] = {}
    for unit_id, people in people_of.items():
        groups_of.setdefault(images[unit_id], set()).add(frozenset(people))
    assert {len(groups) for groups in groups_of.values()} == {1}


class InBrowser:
    """One of the team at a browser, on the page of their queue."""

    def __init__(self, browser: Browser, team: Team, name: str) -> None:
        self.done: list[int] = []
        self._context = browser.new_context(viewport={"width": 1366, "height": 768})
        self._context.set_default_timeout(_PATIENCE_SECONDS * 1000)
        self._page = self._context.new_page()
        self._page.goto(f"{team.url}/user/login/")
        self._page.fill("[name=email]", name)
        self._page.fill("[name=password]", PASSWORD)
        self._page.click("button[type=submit]")
        self._page.wait_for_url(lambda found: "/user/login" not in found)
        self._page.goto(f"{team.url}/projects/{team.project(name)}/data?labeling=1")
        instructions = self._page.locator(".ab-guidelines")
        instructions.wait_for()
        self._page.mouse.click(988, 77)
        instructions.wait_for(state="hidden")

    def answer(self) -> bool:
        """Answers what is shown; tells whether something else is shown then."""
        chosen = self._page.locator(".ab-verdict input:checked")
        self._page.locator(".ab-sentence").wait_for()
        expect(chosen).to_have_count(0)
        self._page.keyboard.press("1")
        expect(chosen).to_have_count(1)
        with self._page.expect_response(lambda answer: "id=next_task" in answer.url) as following:
            with self._page.expect_response(lambda answer: "/annotations" in answer.url) as posted:
                self._page.keyboard.press("Control+Enter")
            assert posted.value.status == 201
            self.done.append(posted.value.json()["task"])
        return following.value.status == 200

    def close(self) -> None:
        self._context.close()


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_twenty_people_and_five_browsers_at_once_give_each_of_300_sentences_three_answers(
    team: Team, browser: Browser
) -> None:
    simulated, at_browsers = team.join(20), team.join(5)
    team.add_drawn_images(60)
    push.fn(workspace=team.address, sample=300)
    assert len(team.tasks()) == 3 * 300
    browsers = {name: InBrowser(browser, team, name) for name in at_browsers}
    orders = team.work_at_once(2, simulated)
    for person in browsers.values():
        person.answer()
    pull.fn(workspace=team.address)
    # Of those whose pages stay open, one pauses and one leaves.
    pause(team.address, at_browsers[0])
    hand_over_work(team.address, at_browsers[1], [simulated[2]])
    pause(team.address, simulated[0])
    hand_over_work(team.address, simulated[1], [])
    simulated += team.join(1)
    push_open_rounds(team.address)
    for name in (at_browsers[0], simulated[0]):
        resume(team.address, name)
    with ThreadPoolExecutor() as thread:
        at_work = thread.submit(team.work_at_once, 10_000, simulated)
        open_pages = list(browsers.values())
        while open_pages:  # who answers next has had theirs before them all the while
            open_pages = [person for person in open_pages if person.answer()]
        rest = at_work.result()
    for name, done in rest.items():
        orders.setdefault(name, []).extend(done)
    for name, person in browsers.items():
        orders[name] = person.done
        person.close()
    _LOG.info("%d answers from browsers", sum(len(orders[name]) for name in at_browsers))
    pull.fn(workspace=team.address)
    check_everything_is_answered(team, 300, orders)
