"""Rounds, people and disputes with the real command line and a real Label Studio."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from alignbench.annotation.label_studio.accounts import submit_answer, token_of
from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.schemas.rows.runs import Score
from alignbench.schemas.rows.spans import WordScore
from alignbench.schemas.tables import SCORES, SENTENCES
from alignbench.schemas.vocabulary import ScoreStatus, Verdict
from alignbench.workspace.workspace import open_workspace
from tests.fixtures.services import EmbeddedLabelStudio
from tests.fixtures.tiny_dual_encoders import save_clip
from tests.flows.roads import alignbench, contents, environment, new_workspace, with_team


@pytest.fixture(scope="module")
def split(label_studio: EmbeddedLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with sentences, none of them sent."""
    name = tmp_path_factory.mktemp("rounds").name
    root = new_workspace(label_studio.root / "blobs" / name)
    for stage in ("ingest", "caption", "split"):
        done = alignbench(root, stage)
        assert done.returncode == 0, done.stderr
    return root


def run(root: Path, server: EmbeddedLabelStudio, *arguments: str) -> str:
    done = alignbench(root, *arguments, server=server)
    assert done.returncode == 0, done.stderr
    return done.stdout


def confirmed(root: Path, round_name: str) -> list[dict[str, object]]:
    rows = contents(root)["tasks"]
    return [r for r in rows if r["state"] == "confirmed" and r["round"] == round_name]


def test_a_round_is_a_sample_answered_disputed_and_decided(
    split: Path, label_studio: EmbeddedLabelStudio
) -> None:
    names = [f"{split.name}-{n}@example.org" for n in ("a", "b")]
    made = json.loads(run(split, label_studio, "annotators", "add", *names, "--json"))
    (split / "alignbench.toml").write_text(with_team(names))
    draw = ("push", "--round", "pilot", "--sample", "6", "--stratify", "model,position")
    told = run(split, label_studio, *draw)
    assert "6 sentences drawn for round pilot" in told
    assert f"{names[0]} answers at {label_studio.url}/projects/" in told
    assert "6 answers are wanted of which there is nobody to ask" in told
    assert "put to an annotator" not in run(split, label_studio, *draw)
    assert len(confirmed(split, "pilot")) == 2 * 6
    tokens = [token_of(one["url"], one["email"], one["password"]) for one in made]
    tasks = sorted(confirmed(split, "pilot"), key=lambda row: str(row["sentence_id"]))
    disputed = sorted({str(task["sentence_id"]) for task in tasks})[:2]
    for task in tasks:
        person = names.index(str(task["assignee"]))
        doubts = person == 1 and task["sentence_id"] in disputed
        said = Verdict.UNKNOWN if doubts else Verdict.CORRECT
        submit_answer(label_studio.url, tokens[person], int(str(task["task_id"])), said)
    run(split, label_studio, "pull")
    listed = json.loads(run(split, label_studio, "annotators", "list", "--json"))
    assert [(row["annotator"], row["answers"]) for row in listed] == [(name, 6) for name in names]
    assert listed[0]["agreement"] == pytest.approx(4 / 6)
    run(split, label_studio, "label")
    assert "2 disputed: two verdicts" in run(split, label_studio, "adjudicate", "push")
    assert "nothing to do" in run(split, label_studio, "adjudicate", "push")
    decided = confirmed(split, "adjudication")
    assert {row["sentence_id"] for row in decided} == set(disputed)
    for task in decided:
        submit_answer(label_studio.url, tokens[1], int(str(task["task_id"])), Verdict.CORRECT)
    assert "2 set aside: AB-A39" in run(split, label_studio, "adjudicate", "pull")
    config = split / "alignbench.toml"
    deciding = f'[annotation]\nadjudicators = ["{names[0]}"]'
    config.write_text(config.read_text().replace("[annotation]", deciding))
    for task in decided:
        submit_answer(label_studio.url, tokens[0], int(str(task["task_id"])), Verdict.INCORRECT)
    assert "2 done" in run(split, label_studio, "adjudicate", "pull")
    answers = contents(split)["annotations"]
    assert [row["purpose"] for row in answers].count("adjudicate") == 2
    excluded = run(split, label_studio, "annotators", "exclude", names[1])
    assert f"{names[1]} is excluded" in excluded
    withdrawn = run(split, label_studio, "withdraw", "annotator", names[0], "--reason", "asked")
    assert "8 answers were erased here" in withdrawn


def test_a_round_shows_what_a_detector_finds_from_its_first_task_on(
    split: Path, label_studio: EmbeddedLabelStudio, tmp_path: Path
) -> None:
    (split / "alignbench.toml").write_text(with_team([label_studio.username], 1))
    detector = f"clip4dm:repo={save_clip(tmp_path / 'clip')}"
    push = ("push", "--round", "hinted", "--sample", "4", "--suggest", detector)
    refused = alignbench(split, *push, server=label_studio)
    assert refused.returncode == 2
    assert "AB-A18: This workspace has no scores by" in refused.stderr
    workspace = open_workspace(split)
    sentences = list(workspace.table(SENTENCES).rows())
    by = PreparedDetector(parse_detector(detector)).detector_id
    scores = [
        Score(
            sentence_id=row.sentence_id, image_id=row.image_id, detector_id=by, score=0.5,
            words=(WordScore(start=0, end=len(row.text.split()[0]), score=-1.0),),
            status=ScoreStatus.SCORED, note=None, seconds=None, release="", attempts=1,
        )
        for row in sentences
    ]  # fmt: skip
    workspace.table(SCORES).append(scores, "test")
    run(split, label_studio, *push)
    [task, *_] = confirmed(split, "hinted")
    text = next(row.text for row in sentences if row.sentence_id == task["sentence_id"])
    found = httpx.get(
        f"{label_studio.url}/api/tasks/{task['task_id']}/",
        headers={"Authorization": f"Token {label_studio.token}"},
    ).json()
    [suggested] = found["predictions"]
    verdict, span = (entry["value"] for entry in suggested["result"])
    assert verdict == {"choices": ["incorrect"]}
    assert (span["text"], span["labels"]) == (text.split()[0], ["other"])
    run(split, label_studio, "push", "--round", "hinted", "--sample", "5")
    assert len(confirmed(split, "hinted")) == 5, "Goes on with the same suggestions unasked."
    run(split, label_studio, "push", "--round", "plain", "--sample", "1")
    late = alignbench(split, "push", "--round", "plain", "--suggest", detector, server=label_studio)
    assert "AB-A18: Round plain has begun without suggestions" in late.stderr


def test_each_annotator_gets_a_project_with_the_share_of_sentences_that_is_theirs(
    label_studio: EmbeddedLabelStudio, tmp_path: Path
) -> None:
    root = new_workspace(label_studio.root / "blobs" / tmp_path.name)
    for stage in ("ingest", "caption", "split"):
        assert alignbench(root, stage).returncode == 0
    people = [f"{letter}-{tmp_path.name}@example.org" for letter in "abcd"]
    run(root, label_studio, "annotators", "add", *people)
    (root / "alignbench.toml").write_text(with_team(people))
    run(root, label_studio, "push")
    tables = contents(root)
    rows = [row for row in tables["tasks"] if row["state"] == "confirmed"]
    assert len(rows) == 3 * len(tables["sentences"]), "three answers a sentence"
    assert len({(row["sentence_id"], row["assignee"]) for row in rows}) == len(rows)
    of_project = {row["project_id"]: row["assignee"] for row in rows}
    assert len(set(of_project.values())) == len(of_project) > 3
    assert "nothing to do" in run(root, label_studio, "push")
    queues = json.loads(run(root, label_studio, "annotators", "links", "--json"))
    assert [queue["annotator"] for queue in queues] == people
    assert sum(queue["open"] for queue in queues) == len(rows)
    moved = run(root, label_studio, "annotators", "hand-over", people[0], people[1])
    assert "questions were handed over" in moved
    run(root, label_studio, "annotators", "pause", people[2])
    left = {
        queue["annotator"]: (queue["open"], queue["paused"])
        for queue in json.loads(run(root, label_studio, "annotators", "links", "--json"))
    }
    assert left[people[2]] == (20, True), "what comes next stays"
    unknown = alignbench(root, "annotators", "pause", "nobody@example.org", server=label_studio)
    assert unknown.returncode == 2
    assert "AB-A19" in unknown.stderr


def test_a_watching_pull_goes_on_until_it_is_interrupted(
    split: Path, label_studio: EmbeddedLabelStudio
) -> None:
    run(split, label_studio, "push", "--round", "watched", "--sample", "1")
    command = [str(Path(sys.executable).parent / "alignbench"), "-C", str(split)]
    with subprocess.Popen(
        [*command, "pull", "--watch", "--every", "1"],
        env={**environment(label_studio), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        for _ in range(3):
            assert watching.stdout.readline().startswith("pull:")
        os.kill(watching.pid, signal.SIGINT)
        assert watching.wait(60) == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("push", "--round", "adjudication"), "round of decisions"),
        (("push", "--round", "a b"), "no name of a round"),
        (("push", "--sample", "3", "--stratify", "modle"), "'model'"),
        (("push", "--model", "nobody", "--round", "r"), "AB-A13"),
        (("annotators", "exclude", "nobody@example.org"), "AB-A16"),
        (("withdraw", "image", "abc"), "AB-A16"),
    ],
)
def test_wrong_usage_is_told_and_changes_nothing(
    split: Path, label_studio: EmbeddedLabelStudio, arguments: tuple[str, ...], said: str
) -> None:
    done = alignbench(split, *arguments, server=label_studio)
    assert done.returncode == 2
    assert said in done.stderr
