"""A round of ratings: from a sample of questions, by a person at a browser, to a released row."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import skimage
from playwright.sync_api import Browser, expect

from alignbench.annotation.label_studio.accounts import submit_result
from alignbench.annotation.label_studio.results import rating_result
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.judging.asked import asked_questions
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.tables import (
    ANNOTATIONS,
    ASSIGNMENTS,
    QUARANTINE,
    QUESTIONS,
    RESPONSES,
    SAMPLED_QUESTIONS,
    VARIANTS,
)
from alignbench.schemas.vocabulary import RATING_ROUND, AnnotationStatus, AssignmentState, Purpose
from alignbench.workspace.workspace import open_workspace
from tests.annotation.question_rounds import CHINESE, Rater, Round, shows_images
from tests.fixtures.browser import dismiss
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import ModelServer, running, said

PLAIN = "这是一只虎斑猫，毛色棕褐，带有深色条纹，眼睛是绿色的。"
MARKUP = '是猫。<img src=x onerror="document.title=1"><script>document.title=2</script> $image'
ADDRESS = "http://127.0.0.1:1/a-cat.txt"
ANSWERS = {"plain": PLAIN, "hostile": MARKUP, "terse": ADDRESS}


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with running() as found:
        judges = {"critic": lambda _: rated(7)}
        found.script = by_model(
            {name: lambda _, text=text: said(text) for name, text in ANSWERS.items()} | judges
        )
        yield found


@pytest.fixture
def sampled(
    root: Path,
    models: ModelServer,
    label_studio: EmbeddedLabelStudio,
    annotator_tokens: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Round]:
    """Makes a round, for a team, of so many clusters of two questions."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def made(
        names: tuple[str, ...],
        answerers: tuple[str, ...] = ("plain", "hostile"),
        clusters: int = 1,
        more: str = "",
        picture: bytes | None = None,
        **entries: Any,
    ) -> Round:
        emails = [f"{name}@example.org" for name in names]
        for name in names:
            annotator_tokens(name)
        url = models.base_url
        config = [entry("captioners", name, url) for name in answerers]
        config += [entry("judges", "critic", url)]
        config += [f'[annotation]\nurl = "{label_studio.url}"\nteam = {json.dumps(emails)}\n{more}']
        asked = [question(number, **entries) for number in range(2 * clusters)]
        opened = workspace(root, "\n".join(config), asked, picture)
        found = Round(opened, root, label_studio)
        for verb in (["respond"], ["judge"], ["questions", "sample", str(2 * clusters)]):
            found.run(*verb)
        return found

    return made


def test_an_answer_is_rated_by_keyboard_in_chinese_and_its_rating_is_released(
    sampled: Callable[..., Round], server: LabelStudioServer, browser: Browser
) -> None:
    cat = files(skimage).joinpath("data", "chelsea.png").read_bytes()
    made = sampled(("ann",), tuple(ANSWERS), more='language = "zh"', picture=cat, **CHINESE)
    told = made.run("push", "--round", RATING_ROUND)
    assert "6 questions were put to an annotator" in told
    assert "1 person rates in this round" in told
    assert "nothing to do" in made.run("push", "--round", RATING_ROUND)
    queue = made.tasks("ann@example.org")
    texts = made.texts()
    assert len(queue) == 6
    shows_images(made, server, queue[0].project_id)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    rater = Rater(context.new_page())
    page = rater.page
    rater.opens(made.server.url, queue[0].project_id, "这个回答有多好")
    keys = {PLAIN: "8", MARKUP: "0", ADDRESS: "3"}
    for task in queue[: len(keys)]:  # what each model answers to the first question
        text = texts[task.sentence_id]
        expect(page.locator(".ab-scale input:checked")).to_have_count(0)
        rater.sees(text)
        assert page.title() not in ("1", "2")
        expect(page.locator(".ab-question")).to_contain_text("眼睛呢？")
        expect(page.locator(".ab-history")).to_contain_text("A1: 是一只猫。")
        reference = page.locator(".ab-reference")
        expect(reference).not_to_be_visible()
        if text == PLAIN:
            page.keyboard.press("r")
            expect(reference).to_contain_text("橘棕色的虎斑猫")
            page.keyboard.press("Control+Enter")  # without a rating nothing is sent
            missing = page.get_by_text("请先为回答打分")
            expect(missing).to_be_visible()
            dismiss(missing)
        if text == ADDRESS:
            page.keyboard.press("r")
            expect(reference).to_be_visible()
            page.keyboard.press("r")
            expect(reference).not_to_be_visible()
        page.keyboard.press(keys[text])
        expect(page.locator(".ab-scale input:checked")).to_have_count(1)
        if text == PLAIN:
            page.locator(".ab-note textarea").focus()
            page.keyboard.insert_text("颜色对，眼睛偏黄。")
            page.keyboard.press("Tab")
            expect(page.locator(".ab-scale")).to_be_in_viewport(ratio=1)
            rater.picture("annotation-rating-zh")
        rater.submits()
    context.close()
    assert "3 done" in made.run("pull")
    found = {texts[key]: row for (_, key), row in made.ratings().items()}
    assert {text: row.rating for text, row in found.items()} == {
        PLAIN: 8.0, MARKUP: 10.0, ADDRESS: 3.0,
    }  # fmt: skip
    plain = found[PLAIN]
    assert (plain.annotator, plain.reason) == ("ann@example.org", "颜色对，眼睛偏黄。")
    assert plain.flags == ("reference_seen",)
    assert {(row.reason, row.flags) for row in (found[MARKUP], found[ADDRESS])} == {(None, ())}
    assert {row.probability for row in found.values()} == {1.0}
    assert all(row.guideline_id and row.label_schema_id for row in found.values())
    assert made.opened.table(ANNOTATIONS).count() == 0
    assert "nothing to do" in made.run("push", "--round", RATING_ROUND)
    made.run("questions", "release")
    released = pq.read_table(made.root / "releases/questions/1.0.0/data/ratings").to_pylist()
    assert {texts[row["response_id"]]: row["rating"] for row in released} == {
        text: row.rating for text, row in found.items()
    }
    assert {row["annotator"] for row in released} == {"A001"}
    assert "sound" in made.run("verify", str(made.root / "releases/questions/1.0.0"))


def submit(made: Round, task: Task, token: str, rating: int, reason: str | None = None) -> int:
    assert task.task_id is not None
    result = rating_result(rating, reason)
    return submit_result(made.server.url, token, task.task_id, result, 4.0)


@pytest.mark.full
def test_every_rater_rates_all_models_and_images_with_gold_go_to_two_like_some_others(
    sampled: Callable[..., Round], annotator_tokens: Callable[[str], str]
) -> None:
    names = ("rater-a", "rater-b", "rater-c")
    made = sampled(names, clusters=10, more='gold = "gold.jsonl"\ngold_share = 0.1')
    made.run("respond", "--blind", "--limit", "3")
    blind = [row.response_id for row in made.opened.table(RESPONSES).rows() if row.blind]
    gold = "".join(f"{json.dumps({'response_id': one, 'rating': 5})}\n" for one in blind)
    (made.root / "gold.jsonl").write_text(gold)
    assert "3 gold answers mixed in" in made.run("push", "--round", RATING_ROUND)
    questions = {row.response_id: row.asked_id for row in made.opened.table(RESPONSES).rows()}
    asked = asked_questions(made.opened.table(QUESTIONS).rows(), made.opened.table(VARIANTS).rows())
    people: dict[str, set[str]] = {}
    with_gold, models = set(), Counter[tuple[str, str]]()
    for row in made.opened.table(ASSIGNMENTS).rows():
        image = asked[questions[row.unit_id]].question.image_id or ""
        people.setdefault(image, set()).add(row.annotator)
        if row.purpose is Purpose.GOLD:
            assert row.unit_id in blind
            with_gold.add(image)
        else:
            models[questions[row.unit_id], row.annotator] += 1
    assert set(models.values()) == {2}, "whoever is asked rates both models"
    assert len({question for question, _ in models}) == 20
    assert len(people) == 10
    assert {name for one in people.values() for name in one} == {f"{n}@example.org" for n in names}
    of_two = {image for image, one in people.items() if len(one) == 2}
    assert with_gold <= of_two, "alone, gold would be known for gold"
    assert len(of_two - with_gold) == ceil(0.2 * (10 - len(with_gold)))
    token = annotator_tokens("rater-a")
    queue = made.tasks("rater-a@example.org")
    golden = sum(task.purpose is Purpose.GOLD for task in queue)
    for task in queue:
        submit(made, task, token, 5 if task.purpose is Purpose.GOLD else 8)
    made.run("pull")
    rows = made.ratings().values()
    assert len(rows) == len(queue)
    assert {row.probability for row in rows if row.purpose is Purpose.GOLD} <= {0.0}
    listed = json.loads(made.run("annotators", "list", "--json"))
    [rated] = [one for one in listed if one["annotator"] == "rater-a@example.org"]
    assert (rated["ratings"], rated["gold_ratings"]) == (len(queue), golden)
    assert rated["gold_off_by"] == (0.0 if golden else None)
    assert (rated["unit"], rated["mean"]) == ("response", 8.0)


@pytest.mark.full
def test_an_answer_that_is_no_rating_goes_to_quarantine_and_one_taken_back_counts_no_more(
    sampled: Callable[..., Round], annotator_tokens: Callable[[str], str]
) -> None:
    made = sampled(("rater-d",))
    made.run("push", "--round", RATING_ROUND)
    token = annotator_tokens("rater-d")
    tasks = made.tasks("rater-d@example.org")
    assert len(tasks) == 4
    url = made.server.url
    first = submit(made, tasks[0], token, 7, "as seen")
    broken = [
        [],
        [{**rating_result(3)[0], "value": {"choices": ["11"]}}],
        [{**rating_result(3)[0], "value": {"choices": ["1", "10"]}}],
    ]
    for task, result in zip(tasks[1:], broken, strict=True):
        assert task.task_id is not None
        submit_result(url, token, task.task_id, result)
    assert "3 set aside: AB-A40" in made.run("pull")
    assert {row.code for row in made.opened.table(QUARANTINE).rows()} == {"AB-A40"}
    assert [row.rating for row in made.ratings().values()] == [7.0]
    made.run("push", "--round", RATING_ROUND)
    states = {row.unit_id: row.state for row in made.opened.table(ASSIGNMENTS).rows()}
    assert states[tasks[0].sentence_id] is AssignmentState.ANSWERED
    assert states[tasks[1].sentence_id] is AssignmentState.CLOSED
    headers = {"Authorization": f"Token {made.server.token}"}
    httpx.delete(f"{url}/api/annotations/{first}/", headers=headers).raise_for_status()
    made.run("pull", "--accept-deletions")
    [row] = made.ratings().values()
    assert row.status is AnnotationStatus.DELETED
    made.run("withdraw", "annotator", "rater-d@example.org")
    [row] = made.ratings().values()
    assert (row.rating, row.reason) == (None, None)


@pytest.mark.full
def test_a_round_is_of_one_unit(sampled: Callable[..., Round]) -> None:
    made = sampled(("rater-e",))
    assert "sampled" in made.fails("push", "--round", RATING_ROUND, "--sample", "3")
    made.run("push", "--round", RATING_ROUND)
    config = made.root / "alignbench.toml"
    config.write_text(f'{config.read_text()}\nunit = "response"\n')
    assert "rated in rounds that questions were sampled for" in made.fails(
        "push", "--round", RATING_ROUND
    )
    assert {row.round for row in made.opened.table(SAMPLED_QUESTIONS).rows()} == {RATING_ROUND}
    assert open_workspace(made.root).table(ANNOTATIONS).count() == 0
