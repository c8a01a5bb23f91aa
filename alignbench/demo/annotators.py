"""Three simulated people: real accounts of the real server, answering through its API."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from alignbench.annotation.label_studio.accounts import create_annotator, submit_answer, token_of
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.demo.errors import DemoAccountsError
from alignbench.demo.truths import Truths
from alignbench.engine.watching import Watcher
from alignbench.scenes.annotators import CAREFUL, HASTY, LOOSE, AnnotatorProfile, simulate_answer
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.tables import ANNOTATIONS, SENTENCES, TASKS
from alignbench.schemas.vocabulary import AnnotationStatus, StageName, TaskState
from alignbench.workspace.workspace import Workspace

PROFILES: Mapping[str, AnnotatorProfile] = {
    "ada@demo.invalid": CAREFUL,
    "ben@demo.invalid": HASTY,
    "cleo@demo.invalid": LOOSE,
}
"""The annotators' addresses and how each of them answers."""


class _Task(NamedTuple):
    task_id: int
    assignee: str
    sentence: Sentence


def accounts(server: LabelStudioServer, folder: Path) -> dict[str, str]:
    """Returns each annotator's API token; accounts are made at first use.

    Args:
        server: The Label Studio of the workspace.
        folder: Where the passwords are kept, readable by their owner only.

    Raises:
        DemoAccountsError: The passwords of accounts that exist are gone.
    """
    path = folder / "demo-annotators.json"
    passwords: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    present = set(server.annotators().values())
    for email in PROFILES:
        if email in present and email not in passwords:
            raise DemoAccountsError(
                f"{email} has an account, and {path}, which held its password, is gone.",
                "Delete the demo's workspace and start again.",
            )
        if email not in present:
            passwords[email] = secrets.token_urlsafe(16)
            _keep(path, passwords)
            create_annotator(server.url, server.invitation(), email, passwords[email])
    return {email: token_of(server.url, email, passwords[email]) for email in PROFILES}


def answer_everything(
    workspace: Workspace, server: LabelStudioServer, tokens: Mapping[str, str], progress: Watcher
) -> int:
    """Lets each annotator answer every task of their own that they have not answered yet.

    Returns:
        How many answers were submitted.
    """
    truths = Truths(workspace)
    answered = _answered(workspace)
    tasks = [
        task
        for task in _tasks(workspace, server.identity)
        if (task.assignee, task.sentence.sentence_id) not in answered
    ]
    progress.started(StageName.PULL, len(tasks))

    def work_through(email: str) -> int:
        own = [task for task in tasks if task.assignee == email]
        for task in own:
            _answer(server.url, tokens[email], email, task, truths)
            progress.advanced(1, 0)
        return len(own)

    try:
        with ThreadPoolExecutor(len(tokens)) as people:
            return sum(people.map(work_through, tokens))
    finally:
        progress.finished()


def _answer(url: str, token: str, email: str, task: _Task, truths: Truths) -> None:
    sentence = task.sentence
    seed = f"{email}:{sentence.sentence_id}"
    answer = simulate_answer(truths.of(sentence), sentence.text, PROFILES[email], seed)
    submit_answer(url, token, task.task_id, answer.verdict, answer.spans)


def _tasks(workspace: Workspace, server: str) -> Iterator[_Task]:
    sent = (pc.field("state") == TaskState.CONFIRMED.value) & (pc.field("server") == server)
    sentences = {row.sentence_id: row for row in workspace.table(SENTENCES).rows()}
    for row in workspace.table(TASKS).rows(sent):
        if row.task_id is not None and row.assignee is not None:
            yield _Task(row.task_id, row.assignee, sentences[row.sentence_id])


def _answered(workspace: Workspace) -> set[tuple[str, str]]:
    submitted = pc.field("status") == AnnotationStatus.SUBMITTED.value
    return {
        (row.annotator, row.sentence_id) for row in workspace.table(ANNOTATIONS).rows(submitted)
    }


def _keep(path: Path, passwords: Mapping[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(passwords, file)
