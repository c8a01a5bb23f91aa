"""`respond` and `judge`: from questions to answers to scores, with a scripted model server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from alignbench.cli.app import app
from alignbench.engine.errors import NothingWorksError, TooManyFailuresError
from alignbench.flows.questions.judge import judge
from alignbench.flows.questions.respond import respond
from alignbench.flows.runs.errors import NoChatModelError, NoJudgeError
from alignbench.flows.status import failure_rows, stage_counts
from alignbench.schemas.rows.questions import Judgement, Response
from alignbench.schemas.tables import FAILURES, JUDGEMENTS, JUDGES, RESPONSES
from alignbench.schemas.vocabulary import StageName
from alignbench.workspace.workspace import Workspace
from tests.flows.question_roads import by_model, entry, question, rated, shown_images, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, refused, running, said

HISTORY = [{"user": "What is it?", "assistant": " A yard."}]
ENTRIES = [question(number, history=HISTORY if number == 1 else []) for number in range(6)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        found.script = by_model(
            {
                "good": lambda _: said("Two cats."),
                "poor": lambda _: said("One cat."),
                "critic": by_answer,
                "other": by_answer,
            }
        )
        yield found


def by_answer(asked: Asked) -> Any:
    """A judge that knows the right answer."""
    return rated(9 if "Two cats." in asked.body["messages"][-1]["content"] else 3)


def config(server: ModelServer, *more: str) -> str:
    captioners = [
        entry("captioners", name, server.base_url, instruction="Describe it.")
        for name in ("good", "poor")
    ]
    return "\n".join([*captioners, *more])


def critic(server: ModelServer, name: str = "critic", **more: Any) -> str:
    return entry("judges", name, server.base_url, **more)


def responses(opened: Workspace) -> list[Response]:
    return list(opened.table(RESPONSES).rows())


def judgements(opened: Workspace) -> list[Judgement]:
    return list(opened.table(JUDGEMENTS).rows())


def verb(opened: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["-C", opened.url, *arguments])


def test_earlier_turns_are_turns_and_the_image_is_shown_with_the_first(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    report = respond.fn(opened.url)
    assert (report.made, report.failed) == (12, 0)
    long = [asked.body["messages"] for asked in server.asked if len(asked.body["messages"]) > 1]
    assert len(long) == 2
    first, answer, last = long[0]
    assert [part["type"] for part in first["content"]] == ["image_url", "text"]
    assert first["content"][1]["text"] == "What is it?"
    assert answer == {"role": "assistant", "content": " A yard."}
    assert last == {"role": "user", "content": "How many cats? (1)"}
    assert all(shown_images(asked) == 1 for asked in server.asked)
    assert not any("Describe it." in json.dumps(asked.body) for asked in server.asked)
    rows = responses(opened)
    assert "Two cats." in {row.text for row in rows}
    assert {(row.prompt_tokens, row.completion_tokens) for row in rows} == {(11, 7)}
    assert respond.fn(opened.url).made == 0, "what is answered is not asked again"


def test_a_blind_run_shows_no_image_and_stands_beside_the_other(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    respond.fn(opened.url, limit=4)
    server.asked.clear()
    assert verb(opened, "respond", "--blind").exit_code == 0
    assert len(server.asked) == 12
    assert all(shown_images(asked) == 0 for asked in server.asked)
    counts = {item.scope: item for item in stage_counts(opened.url, StageName.RESPOND)}
    assert {name: (item.done, item.pending) for name, item in counts.items()} == {
        "good": (4, 2), "good, blind": (6, 0), "poor": (0, 6), "poor, blind": (6, 0),
    }  # fmt: skip
    assert {row.blind for row in responses(opened)} == {True, False}


def test_questions_without_an_image_are_told_and_can_be_asked_blind(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES[:4])
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps(ENTRIES[4]))
    assert verb(opened, "questions", "import", "own", str(more)).exit_code == 0
    report = respond.fn(opened.url)
    assert report.made == 8
    assert "1 of 5 questions have no image" in report.notes[-1]
    assert respond.fn(opened.url, blind=True).made == 10


def test_an_answer_that_is_none_is_a_failure_and_is_tried_again(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    whole = server.script
    server.script = lambda asked: (
        said("<think>cats", "length") if "(3)" in json.dumps(asked.body) else whole(asked)
    )
    with pytest.raises(TooManyFailuresError, match="2 of 12 items failed"):
        respond.fn(opened.url)
    assert sorted((row.scope, row.code) for row in failure_rows(opened.url)) == [
        ("good", "AB-G64"), ("poor", "AB-G64"),
    ]  # fmt: skip
    server.script = whole
    assert verb(opened, "retry", "respond").exit_code == 0
    assert len(responses(opened)) == 12
    assert failure_rows(opened.url) == []


def test_a_judge_sees_question_reference_and_answer_and_never_the_image(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server, critic(server, samples=2)), ENTRIES)
    respond.fn(opened.url)
    server.asked.clear()
    report = judge.fn(opened.url)
    assert (report.made, report.failed) == (24, 0)
    assert all(shown_images(asked) == 0 for asked in server.asked)
    system, user = server.asked[0].body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "For this kind: The count is right or wrong" in system["content"]
    for text in ("How many cats? (", "Two.", " cat"):
        assert text in user["content"]
    assert server.asked[0].body["response_format"]["json_schema"]["schema"]["required"] == [
        "reason", "rating",
    ]  # fmt: skip
    assert len({asked.body["seed"] for asked in server.asked}) == 24, "draws differ in their seed"
    answers = {row.response_id: row for row in responses(opened)}
    rows = judgements(opened)
    assert {(answers[row.response_id].model, row.score) for row in rows} == {
        ("good", 9.0), ("poor", 3.0),
    }  # fmt: skip
    assert {row.draw for row in rows} == {0, 1}
    assert {row.reason for row in rows} == {"as the reference"}
    assert json.loads(rows[0].engine or "")["model"] == "served-model"
    [kept] = opened.table(JUDGES).rows()
    assert (kept.name, kept.rubric) == ("critic", rows[0].rubric)
    assert json.loads(kept.rubric_text)["highest"] == 10
    assert judge.fn(opened.url).made == 0


def test_one_turn_holds_all_where_a_template_has_none_for_the_system(
    tmp_path: Path, server: ModelServer
) -> None:
    alone = critic(server, system_turn=False, structured=False)
    opened = workspace(tmp_path / "w", config(server, alone), ENTRIES[:2])
    respond.fn(opened.url)
    server.asked.clear()
    judge.fn(opened.url)
    [message] = server.asked[0].body["messages"]
    assert message["content"].startswith("You rate an answer")
    assert "response_format" not in server.asked[0].body


REPLIES = {
    "(0)": said("It is fine."),
    "(1)": rated(11),
    "(2)": said('{"reason": "x", "rating": 4} Final rating: 7'),
    "(3)": said('{"reason": "the answer is', "length"),
    "(4)": said("Right, but short.\n\n**Rating:** 7.5/10"),
}


def test_a_reply_is_a_number_or_a_failure_with_its_code(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server, critic(server)), ENTRIES)
    respond.fn(opened.url, limit=6)
    whole = server.script

    def mixed(asked: Asked) -> Any:
        number = re.search(r"\(\d\)", asked.body["messages"][-1]["content"])
        return REPLIES.get(number[0] if number else "") or whole(asked)

    server.script = mixed
    with pytest.raises(TooManyFailuresError, match=r"4 of 6 items failed"):
        judge.fn(opened.url)
    assert sorted(row.score for row in judgements(opened)) == [7.5, 9.0]
    codes = sorted(row.code for row in opened.table(FAILURES).rows())
    assert codes == ["AB-E24", "AB-E24", "AB-E24", "AB-E28"]
    server.script = whole
    assert verb(opened, "retry", "judge").exit_code == 0
    assert len(judgements(opened)) == 6


def test_a_conversation_too_long_for_the_judge_is_said_and_not_cut(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server, critic(server)), ENTRIES)
    respond.fn(opened.url)
    server.script = lambda _: REFUSED
    with pytest.raises((TooManyFailuresError, NothingWorksError), match="maximum context length"):
        judge.fn(opened.url)
    assert judgements(opened) == []


def test_stored_answers_are_judged_again_by_another_rubric_or_judge(
    tmp_path: Path, server: ModelServer
) -> None:
    text = config(server, critic(server))
    opened = workspace(tmp_path / "w", text, ENTRIES)
    respond.fn(opened.url)
    judge.fn(opened.url)
    more = critic(server, "other") + critic(server, "chinese", repo="critic",
                                            rubric="general_v1.zh")  # fmt: skip
    (tmp_path / "w/alignbench.toml").write_text(config(server, more))
    asked_before = len(server.asked)
    assert judge.fn(opened.url).made == 24
    assert "待评的回答" in json.dumps(server.asked[-1].body, ensure_ascii=False)
    assert len(server.asked) == asked_before + 24
    counts = {item.scope: item for item in stage_counts(opened.url, StageName.JUDGE)}
    [old] = [item for name, item in counts.items() if name.startswith("critic (")]
    assert (old.not_selected, counts["other"].done, counts["chinese"].done) == (12, 12, 12)
    assert len({row.judge_id for row in judgements(opened)}) == 3


def test_changed_notes_of_a_task_make_another_judge(tmp_path: Path, server: ModelServer) -> None:
    text = config(server, '[questions]\ntasks = "tasks.toml"', critic(server))
    tasks = '[[task]]\nname = "Counting"\ncategory = "Care"\nnotes.en = "Be {strict}."\n'
    opened = workspace(tmp_path / "w", config(server), ENTRIES)
    (tmp_path / "w/alignbench.toml").write_text(text)
    (tmp_path / "w/tasks.toml").write_text(tasks)
    respond.fn(opened.url)
    judge.fn(opened.url, limit=12)
    assert "For this kind: Be {strict}." in server.asked[-1].body["messages"][0]["content"]
    (tmp_path / "w/tasks.toml").write_text(tasks.replace("strict", "lenient"))
    assert judge.fn(opened.url).made == 12


def test_who_cannot_chat_is_told_before_anything_is_asked(
    tmp_path: Path, server: ModelServer
) -> None:
    dumb = '[[judges]]\nname = "dumb"\nbackend = "precomputed"\n'
    given = '[[captioners]]\nname = "given"\nbackend = "precomputed"\n'
    opened = workspace(tmp_path / "w", config(server, given, dumb), ENTRIES)
    assert respond.fn(opened.url).made == 12, "captions that came with images answer nothing"
    with pytest.raises(NoChatModelError, match=r"\[\[judges\]\] 'dumb'"):
        judge.fn(opened.url)
    (tmp_path / "w/alignbench.toml").write_text(config(server))
    with pytest.raises(NoJudgeError):
        judge.fn(opened.url)


def test_a_dry_run_tells_requests_and_tokens_and_asks_nobody(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", config(server, critic(server)), ENTRIES)
    said_before = verb(opened, "respond", "--dry-run", "--blind", "--json")
    [good, _] = json.loads(said_before.stdout)
    assert (good["scope"], good["estimate"]["requests"]) == ("good", 6)
    assert good["estimate"]["input_tokens"] > 6 * 4
    assert server.asked == []
    respond.fn(opened.url)
    plain = verb(opened, "judge", "--dry-run").output
    assert re.search(r"critic: 12 to do\n  estimate: 12 requests, about [\d,]{5,} tokens in", plain)
    judge.fn(opened.url, limit=2)
    [measured] = json.loads(verb(opened, "judge", "--dry-run", "--json").stdout)
    assert measured["estimate"]["input_tokens"] == 10 * 11


def test_a_few_real_calls_are_kept_and_estimated_from(tmp_path: Path, server: ModelServer) -> None:
    opened = workspace(tmp_path / "w", config(server, critic(server)), ENTRIES)
    tried = ["--dry-run", "--calls", "2", "--json"]
    answers = json.loads(verb(opened, "respond", "--blind", *tried).stdout)
    assert [(of["scope"], of["pending"], of["estimate"]["input_tokens"]) for of in answers] == [
        ("good", 4, 4 * 11), ("poor", 4, 4 * 11)
    ]  # fmt: skip
    kept = responses(opened)
    assert [response.model for response in kept].count("good") == 2
    assert all(response.blind for response in kept)
    [judged] = json.loads(verb(opened, "judge", *tried).stdout)
    assert (judged["pending"], judged["estimate"]["input_tokens"]) == (2, 2 * 11)
    assert judged["estimate"]["seconds"] > 0
    assert len(judgements(opened)) == 2
    assert "Add --dry-run" in str(verb(opened, "judge", "--calls", "2").exception)


REFUSED = refused(400, "This model's maximum context length is 4096 tokens.")
