"""What the push stage does around a pusher, reduced to the order of its reads and writes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx
import pyarrow.compute as pc

from alignbench.annotation.label_studio.guidelines import guidelines_html
from alignbench.annotation.label_studio.page import labelling_config
from alignbench.annotation.label_studio.records import ProjectSettings
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.label_studio.texts import ENGLISH, annotator_texts
from alignbench.annotation.pushing.ledger import pushed_keys
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.overlap import adjust_overlap
from alignbench.annotation.pushing.push import Pusher, PushOptions
from alignbench.annotation.rounds.members import round_members
from alignbench.annotation.units.unit import PURPOSE
from alignbench.schemas.tables import TASKS
from alignbench.schemas.vocabulary import Purpose
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.workspaces import Prepared
from tests.faults.http_proxy import Call, Fault, FaultProxy, Plan, nth_of
from tests.fixtures.services import EmbeddedLabelStudio

_TEXTS = annotator_texts(ENGLISH)
SETTINGS = ProjectSettings(
    "Image descriptions", labelling_config(_TEXTS), guidelines_html(_TEXTS), 3
)


def options(
    tasks_per_project: int = 50_000, round_name: str = "1", answers: int = 3
) -> PushOptions:
    return PushOptions(
        round=round_name,
        settings=replace(SETTINGS, annotators_per_sentence=answers),
        tasks_per_project=tasks_per_project,
        stable_seconds=0.3,
    )


def is_import(call: Call) -> bool:
    """Whether a request sends tasks."""
    return call.method == "POST" and "/import" in call.path


def import_meeting(fault: Fault, number: int = 1) -> Plan:
    """A plan by which the n-th request from now on that sends tasks meets a fault."""
    return nth_of(is_import, number, fault)


def imports(proxy: FaultProxy) -> int:
    """How many requests have sent tasks."""
    return sum(map(is_import, proxy.calls))


def changes(proxy: FaultProxy) -> int:
    """How many requests may have changed something."""
    return sum(call.changes for call in proxy.calls)


def push_all(
    prepared: Prepared,
    server: LabelStudioServer,
    what: PushOptions | None = None,
    chunk: int = 2048,
) -> int:
    """Pushes everything that is pending, like the engine; returns how many tasks were new."""
    what = what or options()
    workspace = prepared.workspace
    pusher = Pusher(workspace, server, what, "test")
    pusher.reconcile()
    done = pushed_keys(workspace, server.identity, what.round)
    pushed = 0
    members = round_members(workspace, what.round)
    for sentences in ordered_sentences(workspace, members.filter(prepared.selection)):
        is_gold = pc.is_in(sentences["sentence_id"], members.gold)
        why = pc.if_else(is_gold, Purpose.GOLD.value, Purpose.LABEL.value)
        table = sentences.append_column(PURPOSE, why)
        pending = table.filter(pc.invert(done.contains(table["sentence_id"])))
        for start in range(0, len(pending), chunk):
            rows = pusher.send(what.unit.gathered(pending.slice(start, chunk)))
            workspace.table(TASKS).append(rows, "test")
            pushed += len(rows)
    adjust_overlap(workspace, server, what.settings.annotators_per_sentence)
    return pushed


def reopened(prepared: Prepared) -> Prepared:
    """The same workspace as a new process would open it."""
    root = Path(prepared.workspace.url)
    return prepared._replace(workspace=Workspace(LocalStore(root)))


def on_server(prepared: Prepared, server: LabelStudioServer) -> Counter[str]:
    """How often each sentence is open or answered on the server, in the workspace's projects."""
    tasks = prepared.workspace.table(TASKS).read(["server", "project_id"])
    projects = pc.unique(tasks["project_id"]).to_pylist()
    return Counter(
        str(task.sentence_id)
        for project_id in projects
        if server.counts(project_id) is not None
        for task in server.listed_tasks(project_id)
        if task.is_offered or task.answered
    )


def delete_task(label_studio: EmbeddedLabelStudio, task_id: int) -> None:
    """Deletes a task as a person can who has its token."""
    headers = {"Authorization": f"Token {label_studio.token}"}
    httpx.delete(f"{label_studio.url}/api/tasks/{task_id}/", headers=headers).raise_for_status()
