"""Somebody at a browser says whether questions in other words mean the same, to the release."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
import skimage
from playwright.sync_api import Browser, expect

from alignbench.annotation.label_studio.accounts import submit_result
from alignbench.annotation.label_studio.records import JsonObject
from alignbench.annotation.label_studio.results import meaning_result
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, QUARANTINE, VARIANTS
from alignbench.schemas.vocabulary import (
    VARIANT_ROUND,
    AnnotationStatus,
    AssignmentState,
    Meaning,
    Purpose,
)
from tests.annotation.question_rounds import CHINESE, Rater, Round, shows_images
from tests.fixtures.browser import dismiss
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.question_roads import by_model, entry, question, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

SAME = "请说说照片里这只猫的毛色，还有它的眼睛。"
OTHER = "猫旁边有什么东西？它在做什么？"
MARKUP = (
    "猫的毛色、花纹与眼睛各是怎样的？请逐一说明，也请说明它的眼睛是什么颜色。"
    '<img src=x onerror="document.title=1"><b>粗</b> $image'
)
STYLES = {"polite": SAME, "free": OTHER, "hostile": MARKUP}
REFUSED = "有几只？"
"""What the second model refuses."""


def written(asked: Asked) -> Reply:
    text = next(
        (text for style, text in STYLES.items() if f"Style: {style}" in asked.text), REFUSED
    )
    return said(text)


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with running() as found:
        found.script = by_model({
            "writer": written, "plain": lambda _: said("是一只橘猫。"),
            "critic": lambda asked: said("否" if REFUSED in asked.text else "是"),
        })  # fmt: skip
        yield found


@pytest.fixture
def rewritten(
    root: Path,
    models: ModelServer,
    label_studio: EmbeddedLabelStudio,
    annotator_tokens: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Round]:
    """Makes a workspace with one question in other words for each style, and a team."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def made(*names: str, more: str = "", styles: tuple[str, ...] = tuple(STYLES)) -> Round:
        for name in names:
            annotator_tokens(name)
        emails = [f"{name}@example.org" for name in names]
        url = models.base_url
        cat = files(skimage).joinpath("data", "chelsea.png").read_bytes()
        config = [
            entry("captioners", "plain", url),
            entry("rewriters", "writer", url, styles=list(styles), checked_by="critic"),
            entry("judges", "critic", url),
            f'[annotation]\nurl = "{label_studio.url}"\nteam = {json.dumps(emails)}\n{more}',
        ]
        opened = workspace(root, "\n".join(config), [question(0, **CHINESE)], cat)
        found = Round(opened, root, label_studio)
        found.run("rewrite")
        return found

    return made


def prompts(made: Round) -> dict[str, str]:
    return {row.variant_id: row.prompt for row in made.opened.table(VARIANTS).rows()}


def test_a_question_is_compared_by_keyboard_in_chinese_and_what_is_refused_is_released_so(
    rewritten: Callable[..., Round], server: LabelStudioServer, browser: Browser
) -> None:
    made = rewritten("ann", more='language = "zh"')
    assert "3 in other words drawn" in made.run("questions", "check", "--people", "1")
    assert "3 questions were put to an annotator" in made.run("push", "--round", VARIANT_ROUND)
    queue, texts = made.tasks("ann@example.org"), prompts(made)
    shows_images(made, server, queue[0].project_id)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    rater = Rater(context.new_page())
    page = rater.page
    rater.opens(made.server.url, queue[0].project_id, "两个问题问的是同一件事吗")
    keys = {SAME: "1", OTHER: "2", MARKUP: "3"}
    for task in queue:
        text = texts[task.sentence_id]
        rater.sees(text)
        assert page.title() != "1"
        expect(page.locator(".ab-verdict input:checked")).to_have_count(0)
        expect(page.locator(".ab-question")).to_contain_text("图中的猫是什么颜色的")
        expect(page.locator(".ab-history")).to_contain_text("A1: 是一只猫。")
        if text == SAME:
            page.keyboard.press("Control+Enter")  # without an answer nothing is sent
            missing = page.get_by_text("请先判断两个问题是否相同")
            expect(missing).to_be_visible()
            dismiss(missing)
        page.keyboard.press(keys[text])
        expect(page.locator(".ab-verdict input:checked")).to_have_count(1)
        if text == OTHER:
            page.locator(".ab-note textarea").focus()
            page.keyboard.insert_text("问的是旁边的东西。")
            page.keyboard.press("Tab")
            rater.picture("annotation-variant-zh")
        rater.submits()
    context.close()
    assert "3 done" in made.run("pull")
    found = {texts[key]: row for (_, key), row in made.checks().items()}
    assert {text: row.meaning for text, row in found.items()} == {
        SAME: Meaning.SAME, OTHER: Meaning.DIFFERENT, MARKUP: Meaning.UNKNOWN,
    }  # fmt: skip
    assert (found[OTHER].annotator, found[OTHER].reason) == (
        "ann@example.org",
        "问的是旁边的东西。",
    )
    assert all(row.guideline_id and row.label_schema_id for row in found.values())
    assert made.opened.table(ANNOTATIONS).count() == 0
    assert "nothing to do" in made.run("push", "--round", VARIANT_ROUND)
    told = made.run("respond")
    assert "1 question in other words is left out" in told
    assert sorted(made.texts().values()) == ["是一只橘猫。"] * 3
    made.run("questions", "release")
    folder = made.root / "releases/questions/1.0.0"
    released = {row["prompt"]: row for row in pq.read_table(folder / "data/variants").to_pylist()}
    assert (released[OTHER]["status"], released[OTHER]["code"]) == ("refused", "AB-E43")
    assert released[OTHER]["message"] == "1 of 1 people say that it asks something else."
    assert [released[text]["status"] for text in (SAME, MARKUP)] == ["accepted"] * 2
    assert "sound" in made.run("verify", str(folder))


def submit(made: Round, task: Task, token: str, result: list[JsonObject]) -> int:
    assert task.task_id is not None
    return submit_result(made.server.url, token, task.task_id, result, 4.0)


@pytest.mark.full
def test_gold_goes_to_everybody_doubts_are_set_aside_and_what_is_taken_back_counts_no_more(
    rewritten: Callable[..., Round], annotator_tokens: Callable[[str], str]
) -> None:
    names = ("checker-a", "checker-b")
    gold = 'gold = "gold.jsonl"\ngold_share = 0.4'
    made = rewritten(*names, more=gold, styles=(*STYLES, "dull"))
    refused = next(key for key, text in prompts(made).items() if text == REFUSED)
    (made.root / "gold.jsonl").write_text(
        json.dumps({"variant_id": refused, "meaning": "different"})
    )
    made.run("questions", "check", "--people", "2")
    assert "1 gold variants mixed in" in made.run("push", "--round", VARIANT_ROUND)
    rows = list(made.opened.table(ASSIGNMENTS).rows())
    assert len(rows) == 2 * (3 + 1)
    assert {row.unit_id for row in rows if row.purpose is Purpose.GOLD} == {refused}
    token = annotator_tokens("checker-a")
    tasks = {task.sentence_id: task for task in made.tasks("checker-a@example.org")}
    of_text = {text: tasks[key] for key, text in prompts(made).items()}
    submit(made, of_text[REFUSED], token, meaning_result(Meaning.DIFFERENT))
    first = submit(made, of_text[OTHER], token, meaning_result(Meaning.DIFFERENT, "otherwise"))
    both = meaning_result(Meaning.SAME)
    both[0]["value"] = {"choices": ["same", "different"]}
    submit(made, of_text[SAME], token, both)
    assert "1 set aside: AB-A41" in made.run("pull")
    assert {row.code for row in made.opened.table(QUARANTINE).rows()} == {"AB-A41"}
    made.run("push", "--round", VARIANT_ROUND)
    states = {
        row.unit_id: row.state
        for row in made.opened.table(ASSIGNMENTS).rows()
        if row.annotator == "checker-a@example.org"
    }
    assert states[of_text[OTHER].sentence_id] is AssignmentState.ANSWERED
    assert states[of_text[SAME].sentence_id] is AssignmentState.CLOSED
    [checker] = json.loads(made.run("annotators", "list", "--json"))
    assert (checker["checks"], checker["gold_right"], checker["unit"]) == (2, 1.0, "variant")
    assert "1 question in other words is left out" in made.run("respond")
    headers = {"Authorization": f"Token {made.server.token}"}
    httpx.delete(f"{made.server.url}/api/annotations/{first}/", headers=headers).raise_for_status()
    made.run("pull", "--accept-deletions")
    statuses = {key: row.status for (_, key), row in made.checks().items()}
    assert statuses[of_text[OTHER].sentence_id] is AnnotationStatus.DELETED
    assert "left out" not in made.run("respond")
    made.run("withdraw", "annotator", "checker-a@example.org")
    assert {row.meaning for row in made.checks().values()} == {None}
