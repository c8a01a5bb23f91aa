"""Sentences that stand on the real server twice are found, and offered once; none is deleted."""

from pathlib import Path

import pytest

from alignbench.annotation.errors import UnclearImportError
from alignbench.annotation.label_studio.accounts import submit_answer
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pulling.pull import pull
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.push import Pusher
from alignbench.schemas.tables import ANNOTATIONS, TASKS
from alignbench.schemas.vocabulary import TaskState, Verdict
from tests.annotation.push_stage import (
    delete_task,
    import_meeting,
    on_server,
    options,
    push_all,
    reopened,
)
from tests.annotation.workspaces import Prepared, prepare
from tests.faults.http_proxy import Fault, faults_before
from tests.fixtures.services import EmbeddedLabelStudio


def push_through_a_gateway_that_sends_twice(
    prepared: Prepared, label_studio: EmbeddedLabelStudio
) -> None:
    with faults_before(label_studio.url) as proxy:
        behind = connect(proxy.url, label_studio.token)
        proxy.plan = import_meeting(Fault.TWICE)
        push_all(prepared, behind)


def closed_tasks(prepared: Prepared) -> dict[int, str]:
    rows = reopened(prepared).workspace.table(TASKS).rows()
    return {
        row.task_id: row.sentence_id
        for row in rows
        if row.state is TaskState.CLOSED and row.task_id is not None
    }


def test_tasks_that_a_gateway_sent_twice_are_closed_and_stay_there(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    push_through_a_gateway_that_sends_twice(prepared, label_studio)
    assert set(on_server(prepared, server).values()) == {2}
    found = Pusher(prepared.workspace, server, options(), "test").reconcile()
    assert (found.closed, found.confirmed + found.retracted) == (6, 0)
    assert set(on_server(prepared, server).values()) == {1}
    assert sorted(closed_tasks(prepared).values()) == sorted(on_server(prepared, server))
    assert push_all(reopened(prepared), server) == 0


def test_a_project_whose_doubles_are_known_is_not_listed_again(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    push_through_a_gateway_that_sends_twice(prepared, label_studio)
    push_all(reopened(prepared), server)
    with faults_before(label_studio.url) as proxy:
        behind = connect(proxy.url, label_studio.token)
        proxy.begin_anew()
        assert push_all(reopened(prepared), behind) == 0
        assert not [call for call in proxy.calls if call.path.startswith("/api/tasks")]


def test_doubles_that_two_runs_have_both_confirmed_are_found_and_closed(
    server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    rivals = [Pusher(prepared.workspace, server, options(), "test") for _ in range(2)]
    for rival in rivals:  # neither knows of the other's rows
        prepared.workspace.table(TASKS).append(rival.send(sentences), "test")
    assert set(on_server(prepared, server).values()) == {2}
    found = Pusher(prepared.workspace, server, options(), "test").reconcile()
    assert found.closed == len(sentences)
    assert set(on_server(prepared, server).values()) == {1}
    assert Pusher(prepared.workspace, server, options(), "test").reconcile().closed == 0
    assert push_all(reopened(prepared), server) == 0


def test_an_import_that_arrives_late_is_offered_once(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    with faults_before(label_studio.url) as proxy:
        behind = connect(proxy.url, label_studio.token)
        proxy.plan = import_meeting(Fault.LATE)
        with pytest.raises(UnclearImportError):
            push_all(prepared, behind)
        assert push_all(reopened(prepared), behind) == 6
        proxy.release()
    assert set(on_server(prepared, server).values()) == {2}
    assert push_all(reopened(prepared), server) == 0
    assert set(on_server(prepared, server).values()) == {1}


def test_an_answer_to_a_closed_double_counts(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    push_through_a_gateway_that_sends_twice(prepared, label_studio)
    push_all(reopened(prepared), server)
    task_id, sentence_id = next(iter(closed_tasks(prepared).items()))
    submit_answer(server.url, label_studio.token, task_id, Verdict.CORRECT)  # it was open there
    pull(reopened(prepared).workspace, server, "test")
    [answer] = reopened(prepared).workspace.table(ANNOTATIONS).rows()
    assert (answer.sentence_id, answer.verdict) == (sentence_id, Verdict.CORRECT)
    assert push_all(reopened(prepared), server) == 0


def test_a_closed_double_is_opened_when_the_other_one_is_deleted(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    push_through_a_gateway_that_sends_twice(prepared, label_studio)
    push_all(reopened(prepared), server)
    closed = closed_tasks(prepared)
    rows = reopened(prepared).workspace.table(TASKS).rows()
    open_task = next(row for row in rows if row.state is TaskState.CONFIRMED)
    assert open_task.task_id is not None
    delete_task(label_studio, open_task.task_id)
    assert push_all(reopened(prepared), server) == 0
    assert set(on_server(prepared, server).values()) == {1}
    assert len(on_server(prepared, server)) == 6
    assert len(closed_tasks(prepared)) == len(closed) - 1
