"""A run whose fence raises sends nothing more to the real server, and writes nothing more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alignbench.annotation.label_studio.server import LabelStudioServer, connect
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.overlap import adjust_overlap
from alignbench.annotation.pushing.push import Pusher
from alignbench.annotation.rounds.withdrawal import withdraw_image
from alignbench.schemas.tables import IMAGES, TASKS
from tests.annotation.push_stage import (
    changes,
    import_meeting,
    on_server,
    options,
    push_all,
    reopened,
)
from tests.annotation.workspaces import Prepared, prepare
from tests.faults.http_proxy import Fault, FaultProxy, faults_before
from tests.fixtures.services import EmbeddedLabelStudio


class LockLost(Exception):  # noqa: N818 - stands for the engine's error
    """What a fence raises."""


class Fence:
    """Lets so many effects pass, then none."""

    def __init__(self, passes: int = 0) -> None:
        self._passes = passes

    def __call__(self) -> None:
        if not self._passes:
            raise LockLost
        self._passes -= 1


@pytest.fixture
def proxy(label_studio: EmbeddedLabelStudio) -> Iterator[FaultProxy]:
    with faults_before(label_studio.url) as proxy:
        yield proxy


@pytest.fixture
def behind(proxy: FaultProxy, label_studio: EmbeddedLabelStudio) -> LabelStudioServer:
    """The server through a proxy that notes what changes something."""
    return connect(proxy.url, label_studio.token)


def effects(prepared: Prepared, proxy: FaultProxy) -> int:
    return len(prepared.workspace.table(TASKS).part_names()) + changes(proxy)


# A part of intents, a project, its images, the tasks: four effects for each of two projects.
@pytest.mark.parametrize("passes", range(8))
def test_a_send_does_only_what_its_fence_let_pass(
    root: Path, server: LabelStudioServer, proxy: FaultProxy, behind: LabelStudioServer, passes: int
) -> None:
    prepared = prepare(root)
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    what = options(tasks_per_project=4)
    pusher = Pusher(prepared.workspace, behind, what, "test", fence=Fence(passes))
    with pytest.raises(LockLost):
        pusher.send(sentences)
    assert effects(prepared, proxy) == passes
    with pytest.raises(LockLost):
        pusher.send(sentences)
    assert effects(prepared, proxy) == passes
    push_all(reopened(prepared), server, what)
    assert len(on_server(prepared, server)) == 6
    assert set(on_server(prepared, server).values()) == {1}


def test_a_send_with_a_fence_that_holds_sends_all(root: Path, server: LabelStudioServer) -> None:
    prepared = prepare(root)
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    what = options(tasks_per_project=4)
    rows = Pusher(prepared.workspace, server, what, "test", fence=Fence(8)).send(sentences)
    assert len(rows) == 6


def test_a_reconciliation_closes_and_writes_only_what_its_fence_let_pass(
    root: Path, proxy: FaultProxy, behind: LabelStudioServer
) -> None:
    prepared = prepare(root)
    proxy.plan = import_meeting(Fault.TWICE)
    push_all(prepared, behind)
    for passes in (0, 2):
        before = effects(prepared, proxy)
        pusher = Pusher(prepared.workspace, behind, options(), "test", fence=Fence(passes))
        with pytest.raises(LockLost):
            pusher.reconcile()
        assert effects(prepared, proxy) == before + passes
    assert sorted(on_server(prepared, behind).values()) == [1, 1, 2, 2, 2, 2]
    push_all(reopened(prepared), behind)
    assert set(on_server(prepared, behind).values()) == {1}


def test_overlap_is_changed_only_as_far_as_the_fence_lets_pass(
    root: Path, proxy: FaultProxy, behind: LabelStudioServer
) -> None:
    prepared = prepare(root)
    push_all(prepared, behind)
    image = next(prepared.workspace.table(IMAGES).rows())
    withdraw_image(prepared.workspace, image.image_id, "a test", "test")
    before = changes(proxy)
    for passes in (0, 1):
        with pytest.raises(LockLost):
            adjust_overlap(reopened(prepared).workspace, behind, 3, fence=Fence(passes))
        assert changes(proxy) == before + passes
    assert adjust_overlap(reopened(prepared).workspace, behind, 3) == (0, 2)
