"""A round that asks about whole captions, on the real server: from push to a verified release."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from alignbench.annotation.label_studio.accounts import submit_result
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.units.caption_results import caption_result
from alignbench.annotation.units.unit import PossibleAnswer
from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.label import label
from alignbench.flows.pull import pull
from alignbench.flows.push import push
from alignbench.flows.release import release
from alignbench.flows.split import split
from alignbench.flows.team.people import hand_over_work
from alignbench.flows.team.queues import round_queues
from alignbench.release.verify.verify import verify
from alignbench.release_format.release import open_release
from alignbench.schemas.ids import caption_id
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.tables import (
    ANNOTATIONS,
    ASSIGNMENTS,
    LABELS,
    QUARANTINE,
    ROUNDS,
    SENTENCES,
)
from alignbench.schemas.vocabulary import AnnotationUnit, AssignmentState, Purpose, Verdict
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import new_workspace
from tests.flows.test_queues import Team


@pytest.fixture
def team(
    label_studio: EmbeddedLabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Team:
    """A workspace whose rounds ask about captions, with three people, and nothing sent."""
    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    root = new_workspace(label_studio.root / "blobs" / f"{tmp_path.parent.name}-{tmp_path.name}")
    for stage in (ingest, caption, split):
        stage.fn(workspace=str(root))
    made = Team(root, label_studio)
    made.join(3)
    made.form(made.people, answers=2)
    config = root / "alignbench.toml"
    asked = '[annotation]\nunit = "caption"\ngold = "gold.jsonl"\ngold_share = 0.1'
    config.write_text(config.read_text().replace("[annotation]", asked))
    return made


def captions(team: Team) -> dict[str, list[Sentence]]:
    found: defaultdict[str, list[Sentence]] = defaultdict(list)
    for row in team.workspace().table(SENTENCES).rows():
        found[caption_id(row.pair_id, row.splitter_id)].append(row)
    return {key: sorted(rows, key=lambda row: row.sentence_index) for key, rows in found.items()}


def answered(team: Team, task: Task, result: Sequence[JsonObject]) -> None:
    assert task.assignee is not None
    assert task.task_id is not None
    submit_result(team.url, team._tokens[task.assignee], task.task_id, list(result), 14.0)


def test_whole_captions_are_dealt_answered_and_released_as_sentences(team: Team) -> None:
    units = captions(team)
    several = [key for key, rows in sorted(units.items()) if len(rows) > 1]
    gold = units[several[0]][0]
    line = f'{{"sentence_id": "{gold.sentence_id}", "verdict": "correct"}}'
    (team.root / "gold.jsonl").write_text(line)
    push.fn(workspace=team.address, sample=6)
    assert [row.unit for row in team.workspace().table(ROUNDS).rows()] == [AnnotationUnit.CAPTION]
    asked = Counter(task.sentence_id for task in team.tasks())
    assert asked.pop(several[0]) == 2, "Gold comes with its caption, like any other."
    assert set(asked.values()) == {2}
    assert asked.keys() <= units.keys()
    assert 6 <= sum(len(units[key]) for key in asked) < 6 + max(map(len, units.values()))
    assert push.fn(workspace=team.address).made == 0
    hand_over_work(team.address, team.people[0], [])
    for task in team.tasks():
        texts = [row.text for row in units[task.sentence_id]]
        correct = [PossibleAnswer(Verdict.CORRECT)] * (len(texts) - 1)
        result = caption_result(texts, [*correct, PossibleAnswer(Verdict.INCORRECT)])
        answered(team, task, result)
    again = pull.fn(workspace=team.address)
    assert again.made == len(team.tasks())
    assert pull.fn(workspace=team.address).made == 0
    workspace = team.workspace()
    rows = list(workspace.table(ANNOTATIONS).rows())
    assert len(rows) == sum(len(units[task.sentence_id]) for task in team.tasks())
    assert {row.sentence_id for row in rows if row.purpose is Purpose.GOLD} == {gold.sentence_id}
    assert sum(row.lead_seconds or 0 for row in rows) == pytest.approx(14.0 * len(team.tasks()))
    assert push.fn(workspace=team.address).made == 0, "Every place is filled."
    label.fn(workspace=team.address)
    labels = {row.sentence_id: row.verdict for row in workspace.table(LABELS).rows()}
    for unit in asked:
        *others, last = units[unit]
        assert labels[last.sentence_id] is Verdict.INCORRECT
        assert {labels[row.sentence_id] for row in others} <= {Verdict.CORRECT}
    release.fn(workspace=team.address)
    folder = team.root / "releases" / "photographs" / "1.0.0"
    assert verify(folder).ok
    given = open_release(folder).votes()
    assert set(given["unit"].to_pylist()) == {"caption"}
    models = open_release(folder).table("agreement_by_model")["model"].to_pylist()
    assert "all (caption)" in models


def people_asked(team: Team, unit: str) -> set[str]:
    """Who holds a place of a caption: asked about it now, or answered it in a way that counts."""
    rows = team.workspace().table(ASSIGNMENTS).rows()
    places = (AssignmentState.OPEN, AssignmentState.ANSWERED)
    return {row.annotator for row in rows if row.unit_id == unit and row.state in places}


def test_a_bad_mark_costs_a_caption_that_sentence_alone_and_its_place(team: Team) -> None:
    (team.root / "gold.jsonl").write_text("")
    push.fn(workspace=team.address, sample=1)
    units = captions(team)
    task = team.tasks()[0]
    assert task.assignee is not None
    sentences = units[task.sentence_id]
    texts = [row.text for row in sentences]
    correct = caption_result(texts, [PossibleAnswer(Verdict.CORRECT)] * len(texts))
    answered(team, task, correct)
    pull.fn(workspace=team.address)
    [answer] = {row.annotation_id for row in team.workspace().table(ANNOTATIONS).rows()}
    value = {"start": 0, "end": 2, "text": "not there", "labels": ["object"]}
    bad = {"from_name": "spans", "to_name": "caption", "type": "labels", "value": value}

    def changed(result: Sequence[JsonObject]) -> None:
        response = httpx.patch(
            f"{team.url}/api/annotations/{answer}/",
            json={"result": list(result)},
            headers={"Authorization": f"Token {team._tokens[task.assignee or '']}"},
            timeout=60,
        )
        assert response.status_code == 200
        pull.fn(workspace=team.address)

    changed([bad, *correct])
    rows = {row.sentence_id: row for row in team.workspace().table(ANNOTATIONS).rows()}
    [aside] = team.workspace().table(QUARANTINE).rows()
    assert aside.sentence_ids == (sentences[0].sentence_id,)
    states = [rows[sentence.sentence_id].status for sentence in sentences]
    assert states == ["deleted", *["submitted"] * (len(sentences) - 1)]
    assert pull.fn(workspace=team.address).made == 0
    push.fn(workspace=team.address)
    assert people_asked(team, task.sentence_id) == set(team.people) - {task.assignee}
    changed(correct)  # what was in doubt is believed again
    push.fn(workspace=team.address)
    assert task.assignee in people_asked(team, task.sentence_id)
    queues = {queue.annotator: queue for queue in round_queues(team.address, None)}
    assert (queues[task.assignee].unit, queues[task.assignee].answered) == ("caption", 1)
