"""A person's path in a real browser: invited, instructed, answering; and what arrives of it.

`UPDATE_SCREENSHOTS=1` writes the pictures of docs/ anew.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pytest
import skimage
from playwright.sync_api import Browser, Page, expect

from alignbench.annotation.label_studio.choices import TYPE_KEYS
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.label_studio.texts import ENGLISH, annotator_texts
from alignbench.annotation.pulling.pull import pull
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.push import Pusher, PushOptions
from alignbench.annotation.units.sentence import SentenceUnit
from alignbench.annotation.units.unit import PossibleAnswer, ShownAnswers
from alignbench.schemas.rows.annotation import Annotation, RoundSuggestions
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, ROUND_SUGGESTIONS, SENTENCES, TASKS
from alignbench.schemas.vocabulary import HallucinationType as Type
from alignbench.schemas.vocabulary import Purpose, Verdict
from tests.annotation.push_stage import options, push_all
from tests.annotation.workspaces import Prepared, prepare
from tests.fixtures.browser import dismiss, renew_picture, submit_by_key
from tests.fixtures.services import EmbeddedLabelStudio

# The first and the last character of the n-th occurrence of a text: left edge, middle, width.
_ENDS = """([text, nth]) => {
  const shown = document.querySelector(".ab-sentence .lsf-richtext__container");
  const walker = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
  const places = [];
  let whole = "";
  for (let node; (node = walker.nextNode());) {
    if (node.parentElement.closest("[data-label]") === null || !node.data.match(/^\\d+:/)) {
      for (let i = 0; i < node.data.length; i++) places.push([node, i]);
      whole += node.data;
    }
  }
  let start = -1;
  for (let n = 0; n <= nth; n++) start = whole.indexOf(text, start + 1);
  const box = (place, size) => {
    const range = document.createRange();
    range.setStart(place[0], place[1]);
    range.setEnd(place[0], Math.min(place[0].data.length, place[1] + size));
    const found = range.getBoundingClientRect();
    return [found.x, found.y + found.height / 2, found.width];
  };
  return [box(places[start], 1), box(places[start + text.length - 1], 1)];
}"""


_CROSS = (988, 77)
_PICTURE_SHOWN = "[...document.images].some(image => image.naturalWidth === 451)"


class Mark(NamedTuple):
    """A range that somebody marks: the n-th occurrence of a text, and its type."""

    text: str
    type: Type
    nth: int = 0

    def start(self, sentence: str) -> int:
        place = -1
        for _ in range(self.nth + 1):
            place = sentence.index(self.text, place + 1)
        return place


MARKED = {
    "🐱 A cat with a 🎩 top hat sits 🐾 on a mat.": [
        Mark("cat", Type.OBJECT), Mark("top hat", Type.ILLUSION), Mark("mat", Type.ATTRIBUTE),
    ],
    "犬 が 赤い ソファ の 上 で 眠って います 。": [Mark("赤い", Type.ATTRIBUTE)],
    "القط الأسود يجلس على السجادة الحمراء.": [
        Mark("الأسود", Type.ATTRIBUTE), Mark("السجادة الحمراء", Type.OBJECT),
    ],
    'The "STOP" sign, red-white, is 2.5 m (8 ft) tall.': [
        Mark("sign, red-white", Type.TEXT), Mark("2.5 m (8 ft", Type.NUMBER),
    ],
    "A dog chases a dog near the dog house.": [
        Mark("dog", Type.OBJECT, 1), Mark("dog", Type.RELATION, 2),
    ],
}  # fmt: skip


class Person:
    """An annotator at a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def log_in(self, url: str, email: str, project: int) -> None:
        self.page.goto(f"{url}/user/login/")
        self.page.locator("[name=email]").focus()
        self.page.keyboard.type(email)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type("a long password")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda found: "/user/login" not in found)
        self.page.goto(f"{url}/projects/{project}/data?labeling=1")

    def read_instructions(self, picture: str | None = None) -> None:
        shown = self.page.locator(".ab-guidelines")
        expect(shown).to_be_visible()
        if picture is not None:
            self.page.wait_for_function(_PICTURE_SHOWN)
            self.picture(picture)
        # Escape closes it too, but the keys may then do nothing until a click.
        self.page.mouse.click(*_CROSS)
        expect(shown).not_to_be_visible()

    def sees(self, sentence: str) -> None:
        self.page.wait_for_function(_PICTURE_SHOWN)
        expect(self.page.locator(".ab-sentence")).to_contain_text(sentence)

    def marks(self, mark: Mark) -> None:
        """Chooses the type with its key and double-clicks the word, or drags over several."""
        expect(self.page.locator(".ab-types")).to_be_visible()
        before = self.page.locator(".ab-sentence .htx-highlight").count()
        self.page.keyboard.press(TYPE_KEYS[mark.type])
        expect(self.page.locator(".ab-types .lsf-label_selected")).to_have_count(1)
        (x, y, width), (to_x, to_y, to_width) = self.page.evaluate(_ENDS, [mark.text, mark.nth])
        if mark.text.isalnum():
            self.page.mouse.dblclick((x + to_x + to_width) / 2, y)
        else:
            # On a character's very middle the browser does not know before which one it begins.
            leftward = to_x < x
            self.page.mouse.move(x + width * (0.7 if leftward else 0.3), y)
            self.page.mouse.down()
            self.page.mouse.move(to_x + to_width * (0.3 if leftward else 0.7), to_y, steps=4)
            self.page.mouse.up()
        spans = self.page.locator(".ab-sentence .htx-highlight")
        expect(spans).not_to_have_count(before)

    def submits(self) -> None:
        submit_by_key(self.page)

    def picture(self, name: str) -> None:
        renew_picture(self.page, name)


class Place(NamedTuple):
    """A pushed workspace of one image with several sentences, and its project."""

    prepared: Prepared
    project: int
    url: str
    server: LabelStudioServer

    def arrived(self) -> dict[str, Annotation]:
        """Pulls, and returns the answers by the text of their sentence."""
        pull(self.prepared.workspace, self.server, "test")
        sentences = self.prepared.workspace.table(SENTENCES).rows()
        texts = {row.sentence_id: row.text for row in sentences}
        rows = self.prepared.workspace.table(ANNOTATIONS).rows()
        return {texts[row.sentence_id]: row for row in rows}


def asked(root: Path, answers: int = 3) -> PushOptions:
    """How sentences are sent, with instructions that nobody has answered under yet."""
    what = options(answers=answers)
    text = f"{what.settings.instructions}<p>{root.name}</p>"
    return replace(what, settings=replace(what.settings, instructions=text))


@pytest.fixture
def place(
    root: Path, server: LabelStudioServer, label_studio: EmbeddedLabelStudio
) -> Callable[..., Place]:
    def pushed(*sentences: str) -> Place:
        picture = files(skimage).joinpath("data", "chelsea.png").read_bytes()
        prepared = prepare(root, images=1, sentences=sentences, picture=picture)
        push_all(prepared, server, asked(root))
        [project] = {row.project_id for row in prepared.workspace.table(TASKS).rows()}
        # The server shows images of the workspace that it belongs to: another one.
        served = label_studio.root / "blobs" / "images"
        shutil.copytree(root / "blobs" / "images", served, dirs_exist_ok=True)
        server.storages.ensure_local(project, str(served))
        return Place(prepared, project, server.url, server)

    return pushed


@pytest.fixture
def person(
    browser: Browser, label_studio: EmbeddedLabelStudio, annotator_tokens: Callable[[str], str]
) -> Iterator[Person]:
    annotator_tokens("ann")  # makes the account, through the invitation
    context = browser.new_context(viewport={"width": 1400, "height": 880})
    yield Person(context.new_page())
    context.close()


def test_what_an_invited_annotator_marks_is_exactly_what_arrives(
    place: Callable[..., Place], person: Person
) -> None:
    pushed = place(*MARKED)
    person.log_in(pushed.url, "ann@example.org", pushed.project)
    person.read_instructions("annotation-instructions")
    for sentence, marks in MARKED.items():
        person.sees(sentence)
        person.page.keyboard.press("2")
        for mark in marks:
            person.marks(mark)
        if sentence.startswith("A dog"):
            person.picture("annotation-marked")
        person.submits()
    arrived = pushed.arrived()
    assert set(arrived) == set(MARKED)
    for sentence, marks in MARKED.items():
        answer = arrived[sentence]
        assert answer.annotator == "ann@example.org"
        assert answer.verdict is Verdict.INCORRECT
        assert answer.flags == ()
        wanted = sorted(
            (mark.start(sentence), mark.start(sentence) + len(mark.text), mark.text, mark.type)
            for mark in marks
        )
        assert [(s.start, s.end, s.text, s.type) for s in answer.spans] == wanted


def test_verdicts_are_given_and_sent_without_a_mouse(
    place: Callable[..., Place], person: Person
) -> None:
    verdicts = {"A cat sits.": "1", "It may be happy.": "3", "It has wings.": "2"}
    pushed = place(*verdicts)
    person.log_in(pushed.url, "ann@example.org", pushed.project)
    person.read_instructions()
    for sentence, key in verdicts.items():
        person.sees(sentence)
        # Sent too early, it says what is missing.
        person.page.keyboard.press("Control+Enter")
        missing = person.page.get_by_text(annotator_texts(ENGLISH).page.verdict_missing)
        expect(missing).to_be_visible()
        dismiss(missing)
        person.page.keyboard.press(key)
        person.submits()
    arrived = pushed.arrived()
    assert [arrived[sentence].verdict for sentence in verdicts] == [
        "correct",
        "unknown",
        "incorrect",
    ]
    assert arrived["It has wings."].flags == ("spans_missing",)


CAT = "A cat with a top hat sits on a mat."


def sent(
    prepared: Prepared, server: LabelStudioServer, what: PushOptions, shown: ShownAnswers
) -> Place:
    """Sends the only sentence of a workspace with what its task shows of the answer."""
    pusher = Pusher(prepared.workspace, server, what, "test")
    [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
    tasks = pusher.send(sentences, {sentences["sentence_id"][0].as_py(): shown})
    prepared.workspace.table(TASKS).append(tasks, "test")
    return Place(prepared, tasks[0].project_id, server.url, server)


def test_an_answer_that_began_with_a_suggestion_says_so(
    root: Path, server: LabelStudioServer, person: Person
) -> None:
    prepared = prepare(root, images=1, sentences=[CAT])
    suggesting = RoundSuggestions(
        round="1", detector="clip4dm", detector_id="0123456789abcdef", word_threshold=0.0
    )
    prepared.workspace.table(ROUND_SUGGESTIONS).append([suggesting], "test")
    marks = (Span(start=13, end=20, text="top hat", type=Type.OTHER),)
    shown = ShownAnswers((PossibleAnswer(Verdict.INCORRECT, marks),))
    what = asked(root)
    what = replace(what, settings=replace(what.settings, shows_predictions=True))
    pushed = sent(prepared, server, what, shown)
    person.log_in(pushed.url, "ann@example.org", pushed.project)
    person.read_instructions()
    suggested = person.page.locator(".ab-sentence .htx-highlight")
    expect(suggested).to_have_text("top hat")
    suggested.click()
    person.page.keyboard.press(TYPE_KEYS[Type.ILLUSION])
    expect(suggested).to_have_attribute("data-label", re.compile("illusion"))
    person.submits()
    answer = pushed.arrived()[CAT]
    assert answer.preannotated_by == "clip4dm 01234567"
    assert [(span.text, span.type) for span in answer.spans] == [("top hat", Type.ILLUSION)]


def test_instructions_come_back_only_when_they_have_changed(
    place: Callable[..., Place], person: Person, root: Path, server: LabelStudioServer
) -> None:
    pushed = place("A cat sits.", "It may be happy.", "It has wings.")
    person.log_in(pushed.url, "ann@example.org", pushed.project)
    person.read_instructions()
    person.sees("A cat sits.")
    expect(person.page.locator(".ab-progress")).to_contain_text("Round 1")
    person.page.keyboard.press("1")
    person.submits()
    person.page.reload()
    person.sees("It may be happy.")
    expect(person.page.locator(".ab-verdict input:checked")).to_have_count(0)
    expect(person.page.locator(".ab-guidelines")).to_have_count(0)
    changed = asked(Path(f"{root.name}-changed"))
    other = prepare(root.with_name(f"{root.name}-2"), images=1, sentences=["A cat sits."])
    push_all(other, server, changed)
    [project] = {row.project_id for row in other.workspace.table(TASKS).rows()}
    person.page.goto(f"{pushed.url}/projects/{project}/data?labeling=1")
    expect(person.page.locator(".ab-guidelines")).to_be_visible()


def test_an_adjudicator_sees_the_votes_and_begins_with_their_marks(
    root: Path, server: LabelStudioServer, person: Person
) -> None:
    prepared = prepare(root, images=1, sentences=[CAT])
    what = asked(root, answers=1)
    unit = SentenceUnit(with_votes=True)
    page = unit.page(annotator_texts(ENGLISH))
    what = replace(
        what,
        purpose=Purpose.ADJUDICATE,
        unit=unit,
        settings=replace(what.settings, labelling_config=page, shows_predictions=True),
    )
    hostile = "1 × correct\n1 × incorrect: “<b onclick=alert(1)>” (object)"
    marks = (Span(start=13, end=20, text="top hat", type=Type.ILLUSION),)
    pushed = sent(prepared, server, what, ShownAnswers(votes=hostile, marks=marks))
    person.log_in(pushed.url, "ann@example.org", pushed.project)
    person.read_instructions()
    told = person.page.locator(".ab-votes")
    expect(told).to_contain_text("1 × correct")
    expect(told).to_contain_text("“<b onclick=alert(1)>” (object)")
    marked = person.page.locator(".ab-sentence .htx-highlight")
    expect(marked).to_have_text("top hat")
    expect(marked).to_have_attribute("data-label", re.compile("illusion"))
    expect(person.page.locator(".ab-verdict input:checked")).to_have_count(0)
    person.page.keyboard.press("2")
    person.submits()
    answer = pushed.arrived()[CAT]
    assert (answer.purpose, answer.verdict) == (Purpose.ADJUDICATE, Verdict.INCORRECT)
    assert answer.spans == marks
    assert answer.preannotated_by == "votes"
