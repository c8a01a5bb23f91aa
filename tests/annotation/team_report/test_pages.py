"""The pages for a manager and for one annotator: offline, safe, and in the reader's language.

`UPDATE_SCREENSHOTS=1` writes the pictures of docs/ anew.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.label_studio.texts import annotator_texts, languages
from alignbench.annotation.team_report.feedback import feedback_page, missed_gold
from alignbench.annotation.team_report.given_answers import given_answers
from alignbench.annotation.team_report.needing_help import needs
from alignbench.annotation.team_report.outside import changes_from_outside
from alignbench.annotation.team_report.page import PAGE, team_files
from alignbench.annotation.team_report.progress import RoundFacts
from alignbench.annotation.team_report.quality import GoldAnswer, gold_answers
from alignbench.annotation.team_report.sections import TeamFacts, team_parts
from alignbench.annotation.team_report.shown_sentences import shown_sentences
from alignbench.schemas.tables import GOLD
from tests.annotation.team_report.drawn_team import FORM, GUESSER, HASTY_ONE, DrawnTeam

IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> DrawnTeam:
    return DrawnTeam(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="module")
def gold(team: DrawnTeam) -> list[GoldAnswer]:
    known = {row.sentence_id: row for row in team.workspace.table(GOLD).rows()}
    return gold_answers(given_answers(team.workspace), known)


@pytest.fixture(scope="module")
def files(team: DrawnTeam, gold: list[GoldAnswer]) -> dict[str, bytes]:
    answers = given_answers(team.workspace)
    facts = TeamFacts(
        rounds=[
            RoundFacts(FORM, team.asked, RoundQuestions(team.workspace, "1", team.asked.unit_ids))
        ],
        answers=answers,
        gold=gold,
        paused=frozenset(),
        outside=changes_from_outside(team.workspace, None),
        server_asked=False,
    )
    who = needs(answers, gold)
    shown = shown_sentences(
        team.workspace, {one.sentence_id for need in who for one in need.shown}, ()
    )
    return team_files(team_parts(facts, 300), who, shown)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1100, "height": 820}, offline=True) as context:
        yield context.new_page()


def screenshot(page: Page, name: str) -> None:
    in_docs = ("team-help.png", "team-progress.png", "feedback-en.png", "feedback-ar.png")
    if os.environ.get("UPDATE_SCREENSHOTS") and name in in_docs:
        page.screenshot(path=IMAGES / name)


def test_the_page_opens_offline_shows_text_as_text_and_sorts(
    files: dict[str, bytes], tmp_path: Path, page: Page
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    (tmp_path / PAGE).write_bytes(files[PAGE])
    page.goto((tmp_path / PAGE).as_uri())
    screenshot(page, "team-help.png")
    assert page.locator("#notes td", has_text="Is the <b>cross</b> a thing?").count() > 0
    assert page.locator("#help article h3", has_text=GUESSER).count() >= 4
    pictures = page.locator("#help img")
    assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    page.locator("#people th button", has_text="left").click()
    assert GUESSER in page.locator("#people tbody tr").first.inner_text()
    assert page.locator("#people th[aria-sort=descending]").inner_text().startswith("left")
    page.locator("#rounds").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#rounds').scrollIntoView()")
    screenshot(page, "team-progress.png")
    assert errors == []


def test_each_table_is_a_file_that_no_spreadsheet_takes_for_formulas(
    files: dict[str, bytes],
) -> None:
    names = {"rounds", "people", "days", "hours", "gold", "agreement", "habits", "outside", "notes"}
    assert {f"{name}.csv" for name in names} | {PAGE} == set(files)
    assert files["people.csv"].decode().splitlines()[0].startswith('"round","annotator","standing"')


@pytest.mark.parametrize("language", languages())
def test_feedback_is_in_the_readers_language_and_shows_only_what_they_missed(
    team: DrawnTeam, gold: list[GoldAnswer], language: str, tmp_path: Path, page: Page
) -> None:
    texts = annotator_texts(language)
    missed = missed_gold(gold, HASTY_ONE)
    assert missed
    shown = shown_sentences(team.workspace, {one.sentence_id for one in missed}, ())
    page_bytes = feedback_page(missed, shown, texts)
    said = page_bytes.decode()
    assert f'lang="{language}" dir="{texts.direction}"' in said
    assert texts.feedback.checked in said
    assert all(one.sentence_id not in said for one in gold)
    assert "gold" not in said.lower()
    (tmp_path / "feedback.html").write_bytes(page_bytes)
    page.goto((tmp_path / "feedback.html").as_uri())
    assert page.locator("article").count() == len(missed)
    screenshot(page, f"feedback-{language}.png")


def test_one_who_missed_nothing_is_told_so() -> None:
    texts = annotator_texts("en")
    assert texts.feedback.nothing in feedback_page([], {}, texts).decode()
