"""Every sentence is on the real server once, whatever happens on the way."""

from dataclasses import replace
from pathlib import Path

import httpx
import pyarrow.compute as pc
import pytest

from alignbench.annotation.errors import (
    ImageStorageError,
    MissingImageError,
    MissingProjectError,
    UnclearImportError,
)
from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pushing.ledger import pushed_keys
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.push import Pusher
from alignbench.schemas.tables import IMAGES, TASKS
from alignbench.schemas.vocabulary import TaskState
from tests.annotation.push_stage import (
    delete_task,
    import_meeting,
    imports,
    on_server,
    options,
    push_all,
    reopened,
)
from tests.annotation.workspaces import CAPTION, GENERATOR, Prepared, prepare
from tests.faults.http_proxy import Fault, faults_before
from tests.fixtures.services import EmbeddedLabelStudio


def _projects(prepared: Prepared) -> list[int]:
    tasks = prepared.workspace.table(TASKS).read(["project_id"])
    return sorted(pc.unique(tasks["project_id"]).to_pylist())


def _task(label_studio: EmbeddedLabelStudio, task_id: int) -> dict[str, object]:
    headers = {"Authorization": f"Token {label_studio.token}"}
    answer: dict[str, object] = httpx.get(
        f"{label_studio.url}/api/tasks/{task_id}/?resolve_uri=false", headers=headers
    ).json()
    return answer


def test_a_second_push_adds_nothing(server: LabelStudioServer, root: Path) -> None:
    prepared = prepare(root)
    assert push_all(prepared, server) == 6
    parts = prepared.workspace.table(TASKS).part_names()
    assert push_all(reopened(prepared), server) == 0
    assert prepared.workspace.table(TASKS).part_names() == parts
    assert set(on_server(prepared, server).values()) == {1}


def test_tasks_come_image_by_image_and_give_nothing_away(
    server: LabelStudioServer, root: Path, label_studio: EmbeddedLabelStudio
) -> None:
    prepared = prepare(root, images=2, captions=2)
    push_all(prepared, server)
    [project_id] = _projects(prepared)
    listed = [task.sentence_id for task in server.listed_tasks(project_id)]
    [expected] = ordered_sentences(prepared.workspace, prepared.selection, keys_only=True)
    assert listed == expected["sentence_id"].to_pylist()
    first = next(iter(server.listed_tasks(project_id)))
    data = _task(label_studio, first.task_id)["data"]
    assert isinstance(data, dict)
    assert set(data) == {
        *("image", "sentence", "before", "after", "place", "progress", "sentence_id", "text_sha256")
    }
    assert data["sentence"] == CAPTION[0]
    assert data["place"] == "1 / 3"
    assert data["before"] == ""
    assert data["after"].strip() == " ".join(CAPTION[1:])
    assert GENERATOR not in str(data)


def test_a_new_project_is_begun_when_one_is_full(server: LabelStudioServer, root: Path) -> None:
    prepared = prepare(root, images=3)
    push_all(prepared, server, options(tasks_per_project=4), chunk=6)
    projects = _projects(prepared)
    counts = [server.counts(project_id) for project_id in projects]
    assert [count and count.tasks for count in counts] == [4, 4, 1]
    assert set(on_server(prepared, server).values()) == {1}


def test_another_round_gets_a_project_of_its_own(server: LabelStudioServer, root: Path) -> None:
    prepared = prepare(root)
    push_all(prepared, server)
    assert push_all(prepared, server, options(round_name="2")) == 6
    assert len(_projects(prepared)) == 2
    assert len(pushed_keys(prepared.workspace, server.identity, "2")) == 6


@pytest.mark.parametrize("fault", [Fault.BAD_GATEWAY, Fault.LOST, Fault.REFUSED])
def test_a_lost_answer_makes_no_duplicate(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path, fault: Fault
) -> None:
    prepared = prepare(root)
    with faults_before(label_studio.url) as proxy:
        behind = connect(proxy.url, label_studio.token)
        pusher = Pusher(prepared.workspace, behind, options(), "test")
        [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
        proxy.plan = import_meeting(fault)
        with pytest.raises(UnclearImportError, match=r"AB-A04"):
            pusher.send(sentences)
        rows = pusher.send(sentences)
        assert imports(proxy) == (2 if fault is Fault.REFUSED else 1)
    assert [row.sentence_id for row in rows] == sentences["sentence_id"].to_pylist()
    prepared.workspace.table(TASKS).append(rows, "test")
    assert set(on_server(prepared, server).values()) == {1}
    assert push_all(reopened(prepared), server) == 0


def test_the_server_is_the_same_behind_another_address(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    with faults_before(label_studio.url) as proxy:
        assert connect(proxy.url, label_studio.token).identity == server.identity


def test_sending_the_same_again_returns_the_same_rows(
    server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    pusher = Pusher(prepared.workspace, server, options(), "test")
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    rows = pusher.send(sentences)
    assert pusher.send(sentences.slice(2, 2)) == rows[2:4]
    assert pusher.send(sentences) == rows


def test_what_arrived_before_an_unclear_answer_is_not_sent_again(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    with faults_before(label_studio.url) as proxy:
        behind = connect(proxy.url, label_studio.token)
        pusher = Pusher(prepared.workspace, behind, options(tasks_per_project=4), "test")
        [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
        proxy.plan = import_meeting(Fault.BAD_GATEWAY, 2)
        with pytest.raises(UnclearImportError):
            pusher.send(sentences)
        assert imports(proxy) == 2
        # One by one, as the engine looks for an item that breaks its batch.
        for row in range(len(sentences)):
            [task] = pusher.send(sentences.slice(row, 1))
            assert task.sentence_id == sentences["sentence_id"][row].as_py()
            prepared.workspace.table(TASKS).append([task], "test")
        assert imports(proxy) == 2
    assert set(on_server(prepared, server).values()) == {1}
    assert push_all(reopened(prepared), server, options(tasks_per_project=4)) == 0


def test_tasks_deleted_on_the_server_are_sent_again(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    push_all(prepared, server)
    [project_id] = _projects(prepared)
    tasks = list(server.listed_tasks(project_id))
    for task in tasks[:2]:
        delete_task(label_studio, task.task_id)
    assert push_all(reopened(prepared), server) == 2
    assert set(on_server(prepared, server).values()) == {1}
    assert push_all(reopened(prepared), server) == 0


def test_a_project_that_was_deleted_is_an_error(
    server: LabelStudioServer, root: Path, label_studio: EmbeddedLabelStudio
) -> None:
    prepared = prepare(root)
    push_all(prepared, server)
    [project_id] = _projects(prepared)
    headers = {"Authorization": f"Token {label_studio.token}"}
    httpx.delete(f"{label_studio.url}/api/projects/{project_id}/", headers=headers)
    with pytest.raises(MissingProjectError, match=f"Project {project_id} .*accept-deletions"):
        push_all(reopened(prepared), server)


def test_a_sentence_without_its_image_is_named_and_nothing_is_sent(
    server: LabelStudioServer, root: Path
) -> None:
    prepared = prepare(root)
    table = prepared.workspace.table(IMAGES)
    prepared.workspace.store.delete(f"tables/images/{table.part_names()[0]}")
    pusher = Pusher(prepared.workspace, server, options(), "test")
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    with pytest.raises(MissingImageError, match=r"AB-A10: Image [0-9a-f]{64}"):
        pusher.send(sentences)
    assert prepared.workspace.table(TASKS).count() == 0


def test_images_on_s3_are_refused_clearly(server: LabelStudioServer, root: Path) -> None:
    prepared = prepare(root)
    with pytest.raises(ImageStorageError, match=r"AB-A09"):
        Pusher(prepared.workspace, server, replace(options(), storage="s3"), "test")


def test_rows_tell_intended_from_confirmed(server: LabelStudioServer, root: Path) -> None:
    prepared = prepare(root)
    push_all(prepared, server)
    rows = list(prepared.workspace.table(TASKS).rows())
    assert {row.state for row in rows if row.task_id is None} == {TaskState.INTENDED}
    assert {row.state for row in rows if row.task_id is not None} == {TaskState.CONFIRMED}
    assert {row.server for row in rows} == {server.identity}


def test_an_annotator_is_shown_the_image(
    label_studio: EmbeddedLabelStudio, server: LabelStudioServer
) -> None:
    prepared = prepare(label_studio.root, images=1)
    push_all(prepared, server)
    [project_id] = _projects(prepared)
    task = next(iter(server.listed_tasks(project_id)))
    data = _task(label_studio, task.task_id)["data"]
    assert isinstance(data, dict)
    headers = {"Authorization": f"Token {label_studio.token}"}
    shown = httpx.get(label_studio.url + data["image"], headers=headers)
    assert shown.content.startswith(b"\x89PNG")
    assert httpx.get(label_studio.url + data["image"]).status_code == 401
