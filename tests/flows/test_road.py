"""From images to tasks with the real command line and a real Label Studio."""

import json
from pathlib import Path

import httpx
import pytest

from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import CONFIG, alignbench, contents, killed_before_write, new_workspace

# Ids that the server gives; everything else must be the same in every run.
SERVER_IDS = ("project_id", "task_id", "version")


@pytest.fixture
def place(label_studio: EmbeddedLabelStudio, tmp_path: Path) -> Path:
    """A folder from which the server may show images."""
    return label_studio.root / "blobs" / tmp_path.name


def tasks_on_server(server: EmbeddedLabelStudio, root: Path) -> list[str]:
    """Returns the sentence of every task in the projects of a workspace."""
    projects = {row["project_id"] for row in contents(root)["tasks"]}
    headers = {"Authorization": f"Token {server.token}"}
    sentences: list[str] = []
    for project in projects:
        answer = httpx.get(
            f"{server.url}/api/tasks",
            params={"project": project, "page_size": 1000, "fields": "all"},
            headers=headers,
            timeout=60,
        ).json()
        sentences += [task["data"]["sentence_id"] for task in answer["tasks"]]
    return sentences


@pytest.fixture(scope="module")
def finished(label_studio: EmbeddedLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that one uninterrupted `build` went through."""
    name = tmp_path_factory.mktemp("finished").name
    root = new_workspace(label_studio.root / "blobs" / name)
    done = alignbench(root, "build", "--json", server=label_studio)
    assert done.returncode == 0, done.stderr
    reports = {report["stage"]: report for report in json.loads(done.stdout)}
    assert reports["ingest"]["made"] == reports["caption"]["made"] == 24
    assert reports["push"]["made"] == reports["split"]["rows"]["sentences"] > 100
    return root


def test_every_sentence_is_a_task_once(finished: Path, label_studio: EmbeddedLabelStudio) -> None:
    rows = contents(finished)
    sentences = {row["sentence_id"] for row in rows["sentences"]}
    on_server = tasks_on_server(label_studio, finished)
    assert len(on_server) == len(sentences)
    assert set(on_server) == sentences
    confirmed = [row for row in rows["tasks"] if row["state"] == "confirmed"]
    assert {row["sentence_id"] for row in confirmed} == sentences


def test_sentences_of_several_models_are_sent_in_bulk(finished: Path) -> None:
    parts = list((finished / "tables" / "tasks").iterdir())
    assert len(parts) <= 2 * 4, "an intent part and a confirmed part a commit, not one a caption"


def test_sentences_index_their_captions_exactly(finished: Path) -> None:
    rows = contents(finished)
    captions = {row["pair_id"]: row["text"] for row in rows["pairs"]}
    for row in rows["sentences"]:
        assert captions[row["pair_id"]][row["start"] : row["end"]] == row["text"]


@pytest.mark.parametrize("stage", ["ingest", "prompts", "caption", "imagine", "split", "push"])
def test_a_second_run_of_a_stage_does_nothing_and_says_so(
    finished: Path, label_studio: EmbeddedLabelStudio, stage: str
) -> None:
    before = contents(finished)
    done = alignbench(finished, stage, server=label_studio)
    assert done.stdout.strip() == f"{stage}: nothing to do"
    assert contents(finished) == before


def killed_then_finished(
    root: Path, moment: int, finished: Path, server: EmbeddedLabelStudio
) -> bool:
    """Kills a build before a write and runs it again; False if it has no such write."""
    was_killed = killed_before_write(moment, root, "build", server=server)
    again = alignbench(root, "build", server=server)
    assert again.returncode == 0, again.stderr
    whole = contents(finished, without=SERVER_IDS)
    ours = contents(root, without=SERVER_IDS)
    for rows in (whole, ours):
        # An intent that a kill left open stands beside the confirmed row that settled it.
        rows["tasks"] = [row for row in rows["tasks"] if row["state"] == "confirmed"]
    assert ours == whole
    on_server = tasks_on_server(server, root)
    assert len(on_server) == len(set(on_server)) == len(whole["sentences"])
    return was_killed


@pytest.mark.parametrize("moment", [1, 20, 28, 31, 32, 34])
def test_a_build_killed_at_a_write_and_run_again_has_the_same_keys_and_values(
    place: Path, finished: Path, label_studio: EmbeddedLabelStudio, moment: int
) -> None:
    root = new_workspace(place)
    assert killed_then_finished(root, moment, finished, label_studio)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_build_killed_at_each_of_its_writes_ends_the_same(
    place: Path, finished: Path, label_studio: EmbeddedLabelStudio
) -> None:
    moment = 1
    while killed_then_finished(new_workspace(place / str(moment)), moment, finished, label_studio):
        moment += 1
    assert moment > 34


def test_a_changed_instruction_makes_new_pairs_and_changing_back_makes_nothing(
    tmp_path: Path,
) -> None:
    root = new_workspace(tmp_path / "workspace")
    for stage in ("ingest", "caption", "split"):
        assert alignbench(root, stage).returncode == 0
    first = contents(root)
    changed = CONFIG.replace(
        'backend = "precomputed"', 'backend = "precomputed"\ninstruction = "Describe it."', 1
    )
    (root / "alignbench.toml").write_text(changed)
    assert "12 done" in alignbench(root, "caption").stdout
    assert "12 done" in alignbench(root, "split").stdout
    rows = json.loads(alignbench(root, "status", "--json").stdout)
    captions = [row for row in rows if row["stage"] == "caption"]
    assert sorted((row["done"], row["not_selected"]) for row in captions) == [
        (0, 12),
        (12, 0),
        (12, 0),
    ]
    pending = [row["pending"] for row in rows if row["stage"] == "push"]
    assert sum(pending) == len(first["sentences"]), "downstream takes the new ones only"
    (root / "alignbench.toml").write_text(CONFIG)
    for stage in ("ingest", "caption", "split"):
        assert alignbench(root, stage).stdout.strip() == f"{stage}: nothing to do"
    pushed = json.loads(alignbench(root, "status", "--json").stdout)
    assert sum(row["pending"] for row in pushed if row["stage"] == "push") == len(
        first["sentences"]
    )
