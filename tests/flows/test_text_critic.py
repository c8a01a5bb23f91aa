"""A critic that reads text alone, in this process by its folder; and what one is trained on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.judging.critic.reply import read_judgement
from alignbench.models.answers.scores import ScoreScale
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.rows.questions import Rating
from alignbench.schemas.tables import JUDGEMENTS, RATINGS, RESPONSES
from alignbench.schemas.vocabulary import AnnotationStatus, Purpose
from alignbench.workspace.workspace import Workspace
from tests.fixtures.tiny_text_model import save_text_model
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import ModelServer, running, said


@pytest.fixture(scope="module")
def critic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("critic") / "critic")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        found.script = by_model(
            {"good": lambda _: said("Two cats."), "endpoint": lambda _: rated(4, "too short")}
        )
        yield found


def local(section: str, name: str, folder: Path) -> str:
    return f'[[{section}]]\nname = "{name}"\nbackend = "transformers"\nrepo = "{folder}"\n'


def run(opened: Workspace, *verb: str) -> Result:
    return CliRunner().invoke(app, ["-C", opened.url, *verb])


def test_a_text_model_judges_by_its_folder_and_sees_no_image(
    tmp_path: Path, server: ModelServer, critic: Path
) -> None:
    config = entry("captioners", "good", server.base_url) + local("judges", "critic", critic)
    opened = workspace(tmp_path / "a", config, [question(number) for number in range(4)])
    assert run(opened, "respond").exit_code == 0
    checked = run(opened, "models", "--check", "critic")
    assert checked.exit_code == 0, checked.output
    assert "reads text alone" in checked.output
    done = run(opened, "judge")
    assert done.exit_code == 0, done.output
    assert "never checked" not in done.output
    rows = list(opened.table(JUDGEMENTS).rows())
    assert [row.score for row in rows] == [7.0] * 4
    assert json.loads(rows[0].engine or "{}")["transformers"]
    # The same model as one that answers: without the image it may, about one it says why not.
    config = local("captioners", "blind-one", critic)
    (tmp_path / "a" / "alignbench.toml").write_text(config)
    seeing = run(opened, "respond")
    assert seeing.exit_code == 1
    assert "AB-G73" in str(seeing.exception)
    assert run(opened, "respond", "--blind").exit_code == 0
    assert {row.text for row in opened.table(RESPONSES).rows() if row.blind} == {"Rating: 7"}


def rating(number: int, response_id: str, value: float, **more: object) -> Rating:
    values = {
        "server": "s", "project_id": 1, "annotation_id": number, "response_id": response_id,
        "round": "1", "annotator": "a@example.org", "rating": value, "reason": None,
        "status": AnnotationStatus.SUBMITTED, "probability": 0.5, "lead_seconds": None,
        "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Rating(**(values | more))  # type: ignore[arg-type]


def test_ratings_with_reasons_become_conversations_to_train_a_critic_on(
    tmp_path: Path, server: ModelServer
) -> None:
    config = entry("captioners", "good", server.base_url)
    config += entry("judges", "endpoint", server.base_url)
    chinese = {"language": "zh", "reference": "两只。", "prompt": "几只猫？"}
    opened = workspace(tmp_path / "a", config, [question(0), question(1), question(2, **chinese)])
    file = tmp_path / "out" / "critic.jsonl"
    refused = run(opened, "questions", "export", str(file))
    assert "No answer of a configured captioner has been rated" in str(refused.exception)
    for verb in ("respond", "judge"):
        assert run(opened, verb).exit_code == 0
    ids = sorted(row.response_id for row in opened.table(RESPONSES).rows())
    rows = [
        rating(1, ids[0], 8, reason="对，但“灰色”没说。"),
        rating(2, ids[1], 2.5),
        rating(3, ids[2], 5, purpose=Purpose.GOLD, reason="known"),
        rating(4, "gone", 5),
    ]
    opened.table(RATINGS).append(rows, "run")
    done = run(opened, "questions", "export", str(file))
    assert "2 conversations about 2 answers, 1 with a reason" in done.output
    first, second = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    assert [turn["role"] for turn in first["messages"]] == ["system", "user", "assistant"]
    sent = [asked.body["messages"] for asked in server.asked if asked.body["model"] == "endpoint"]
    assert first["messages"][:2] in sent  # a judge is asked in the same words
    reply = read_judgement(RawAnswer(first["messages"][2]["content"]), ScoreScale(1, 10))
    assert (getattr(reply, "score", None), getattr(reply, "reason", None)) == (
        8.0, "对，但“灰色”没说。",
    )  # fmt: skip
    assert json.loads(second["messages"][2]["content"]) == {"reason": "", "rating": 2.5}
    assert run(opened, "questions", "export", str(file), "--with-reason").exit_code == 0
    assert len(file.read_text("utf-8").splitlines()) == 1
    done = run(opened, "questions", "export", str(file), "--judge", "endpoint")
    assert "3 conversations about 3 answers, 3 with a reason" in done.output
    refused = run(opened, "questions", "export", str(file), "--judge", "other")
    assert "There is no judge" in str(refused.exception)
