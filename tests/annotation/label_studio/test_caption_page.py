"""The page for whole captions, from the browser to rows: a real Label Studio, real accounts."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pytest
import skimage
from playwright.sync_api import Browser, Page, expect

from alignbench.annotation.label_studio.caption_page import JUDGED_KEY, SENTENCE_KEYS, UNKNOWN
from alignbench.annotation.label_studio.caption_page import WHOLE_SENTENCE as WHOLE
from alignbench.annotation.label_studio.choices import TYPE_KEYS
from alignbench.annotation.label_studio.records import ProjectSettings
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.label_studio.texts import annotator_texts
from alignbench.annotation.pulling.pull import pull
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.pushing.push import Pusher, PushOptions
from alignbench.annotation.rounds.forms import begin_round
from alignbench.annotation.units.caption import CaptionUnit
from alignbench.schemas.configuration.annotation_section import AnnotationConfig
from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.tables import ANNOTATIONS, SENTENCES, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit
from alignbench.schemas.vocabulary import HallucinationType as Type
from tests.annotation.workspaces import Prepared, prepare
from tests.fixtures.browser import dismiss, renew_picture, submit_by_key
from tests.fixtures.services import EmbeddedLabelStudio

_CROSS = (988, 77)
_PICTURE_SHOWN = "[...document.images].some(image => image.naturalWidth === 451)"

# Where the first and the last character of a text in the n-th line are: left edge, middle, width.
_ENDS = """([line, text]) => {
  const shown = document.querySelectorAll(".ab-lines .lsf-richtext__line")[line];
  const walker = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
  const places = [];
  let whole = "";
  for (let node; (node = walker.nextNode());) {
    for (let i = 0; i < node.data.length; i++) places.push([node, i]);
    whole += node.data;
  }
  const start = whole.indexOf(text);
  const box = (place) => {
    const range = document.createRange();
    range.setStart(place[0], place[1]);
    range.setEnd(place[0], Math.min(place[0].data.length, place[1] + 1));
    const found = range.getBoundingClientRect();
    return [found.x, found.y + found.height / 2, found.width];
  };
  return [box(places[start]), box(places[start + text.length - 1])];
}"""


@dataclass
class Told:
    """What somebody says of one sentence: words by type, or a label of the sentence."""

    text: str
    words: dict[str, Type] = field(default_factory=dict)
    label: str | None = None

    @property
    def verdict(self) -> str:
        if self.words or self.label == WHOLE:
            return "incorrect"
        return "unknown" if self.label == UNKNOWN else "correct"


ENGLISH = [
    Told("A tabby cat 🐱 looks into the camera.", {"tabby": Type.ATTRIBUTE}),
    Told("It may be dreaming\nof mice.", label=UNKNOWN),
    Told("Its eyes are green."),
    Told("Two dogs chase it.", label=WHOLE),
    Told('The "STOP" sign is 2.5 m tall.', {"STOP": Type.TEXT, "2.5 m": Type.NUMBER}),
    Told("Whiskers stand out on either side of the nose, long and white against the fur."),
    Told("The café 🎩 is behind it.", {"café": Type.ILLUSION}),
    Told("Its fur is striped.", label=UNKNOWN),
    Told("The light comes from the left."),
    Told("Nothing else is in the picture."),
    Told("The ears are pointed.", {"pointed": Type.ATTRIBUTE}),
    Told("A red ball lies beside it.", {"A red ball": Type.ILLUSION}),
    Told("It looks calm.", label=UNKNOWN),
    Told("The background is blurred.", {"blurred": Type.OTHER}),
]
JAPANESE = [
    Told("猫がカメラを見ている。"),
    Told("赤いボールがそばにある。", {"ボール": Type.ILLUSION}),
    Told("とても幸せそうだ。", label=UNKNOWN),
]
ARABIC = [
    Told("القط الأسود ينظر إلى الكاميرا.", {"الأسود": Type.ATTRIBUTE}),
    Told("عيناه خضراوان."),
    Told("יושב כלב ליד ABC החתול.", {"כלב": Type.ILLUSION}),
]


class Sent(NamedTuple):
    """A workspace whose one caption was sent in one language, and where it is answered."""

    prepared: Prepared
    project: int


class Person:
    """An annotator at a browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def log_in(self) -> None:
        self.page.goto(f"{self._url}/user/login/")
        self.page.fill("[name=email]", "ann@example.org")
        self.page.fill("[name=password]", "a long password")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda found: "/user/login" not in found)

    def opens(self, sent: Sent, sentences: int) -> None:
        self.page.goto(f"{self._url}/projects/{sent.project}/data?labeling=1")
        expect(self.page.locator(".ab-guidelines")).to_be_visible()
        self.page.mouse.click(*_CROSS)
        expect(self.page.locator(".ab-guidelines")).not_to_be_visible()
        self.page.wait_for_function(_PICTURE_SHOWN)
        expect(self.page.locator(".ab-lines .lsf-richtext__line")).to_have_count(sentences)

    def tells(self, line: int, told: Told) -> None:
        for words, kind in told.words.items():
            self.marks(line, words, TYPE_KEYS[kind])
        if told.label is not None:
            first_word = re.findall(r"\w+", told.text)[0]
            self.marks(line, first_word, SENTENCE_KEYS[told.label])

    def marks(self, line: int, words: str, key: str) -> None:
        """Chooses a label with its key and double-clicks the word, or drags over several."""
        before = self.highlights()
        self.page.keyboard.press(key)
        expect(self.page.locator(".ab-types .lsf-label_selected")).to_have_count(1)
        (x, y, width), (to_x, to_y, to_width) = self.page.evaluate(_ENDS, [line, words])
        if words.isalnum():
            self.page.mouse.dblclick((x + to_x + to_width) / 2, y)
        else:
            self.drags((x + width * 0.3, y), (to_x + to_width * 0.7, to_y))
        expect(self.page.locator(".ab-types .lsf-label_selected")).to_have_count(0)
        assert self.highlights() > before, words

    def drags(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=6)
        self.page.mouse.up()

    def highlights(self) -> int:
        return self.page.locator(".ab-lines .htx-highlight").count()

    def submits(self) -> None:
        submit_by_key(self.page)

    def picture(self, name: str) -> None:
        renew_picture(self.page, name)


@pytest.fixture
def send(
    root: Path, server: LabelStudioServer, label_studio: EmbeddedLabelStudio
) -> Callable[[str, Sequence[Told]], Sent]:
    """Sends one caption, on the page of a language."""

    def sent(language: str, told: Sequence[Told]) -> Sent:
        picture = files(skimage).joinpath("data", "chelsea.png").read_bytes()
        folder = root / language
        texts_of = [one.text for one in told]
        prepared = prepare(folder, images=1, sentences=texts_of, picture=picture)
        settings = AnnotationConfig(unit=AnnotationUnit.CAPTION)
        begin_round(prepared.workspace, "1", settings, "test")
        unit, texts = CaptionUnit(), annotator_texts(language)
        # Nobody has answered under these instructions yet, so they come first.
        instructions = f"{unit.guidelines(texts)}<p>{folder.parent.name}</p>"
        project = ProjectSettings("Image descriptions", unit.page(texts), instructions, 1)
        pusher = Pusher(
            prepared.workspace, server, PushOptions(round="1", settings=project, unit=unit), "test"
        )
        [sentences] = ordered_sentences(prepared.workspace, prepared.selection)
        [task] = pusher.send(unit.gathered(sentences))
        prepared.workspace.table(TASKS).append([task], "test")
        # The server shows images of the workspace that it belongs to: another one.
        served = label_studio.root / "blobs" / "images"
        shutil.copytree(folder / "blobs" / "images", served, dirs_exist_ok=True)
        server.storages.ensure_local(task.project_id, str(served))
        return Sent(prepared, task.project_id)

    return sent


@pytest.fixture
def person(
    browser: Browser, label_studio: EmbeddedLabelStudio, annotator_tokens: Callable[[str], str]
) -> Iterator[Person]:
    annotator_tokens("ann")  # makes the account, through the invitation
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    someone = Person(context.new_page(), label_studio.url)
    someone.log_in()
    yield someone
    context.close()


def arrived(sent: Sent, server: LabelStudioServer) -> list[Annotation]:
    """Pulls, and returns the answers in the order of their sentences."""
    workspace = sent.prepared.workspace
    pull(workspace, server, "test")
    index = {row.sentence_id: row.sentence_index for row in workspace.table(SENTENCES).rows()}
    return sorted(workspace.table(ANNOTATIONS).rows(), key=lambda row: index[row.sentence_id])


def check(told: Sequence[Told], rows: Sequence[Annotation]) -> None:
    assert [row.verdict for row in rows] == [one.verdict for one in told]
    for one, row in zip(told, rows, strict=True):
        assert row.unit is AnnotationUnit.CAPTION
        wanted = sorted((one.text.index(words), words, kind) for words, kind in one.words.items())
        assert [(span.start, span.text, span.type) for span in row.spans] == wanted
        assert [span.end - span.start for span in row.spans] == [len(w) for _, w, _ in wanted]
        assert row.flags == (("whole_sentence",) if one.label == WHOLE else ())


def test_what_is_marked_on_a_whole_caption_is_exactly_what_arrives(
    send: Callable[[str, Sequence[Told]], Sent], person: Person, server: LabelStudioServer
) -> None:
    for language, told in (("en", ENGLISH), ("ja", JAPANESE), ("ar", ARABIC)):
        sent = send(language, told)
        person.opens(sent, len(told))
        for line, one in enumerate(told):
            person.tells(line, one)
        if language == "en":
            expect(person.page.locator(".ab-lines .lsf-richtext__line").last).to_be_in_viewport(
                ratio=1
            )
            expect(person.page.locator(".ab-judged")).to_be_in_viewport(ratio=1)
        # Without that key nothing is sent, and the page says so.
        person.page.keyboard.press("Control+Enter")
        texts = annotator_texts(language).caption
        assert texts is not None
        missing = person.page.get_by_text(texts.judged_missing)
        expect(missing).to_be_visible()
        dismiss(missing)
        person.page.keyboard.press(JUDGED_KEY)
        if language != "ja":
            person.picture(f"annotation-caption-{language}")
        person.submits()
        check(told, arrived(sent, server))
