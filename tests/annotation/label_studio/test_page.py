"""The labelling page, as an annotator uses it: a real Label Studio in a real browser.

`UPDATE_SCREENSHOTS=1` writes the picture of docs/ anew.
"""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import NamedTuple

import pytest
import skimage
from label_studio_sdk.client import LabelStudio
from label_studio_sdk.label_interface import LabelInterface
from playwright.sync_api import Browser, Page, expect

from alignbench.annotation.label_studio.choices import TYPE_COLOURS, TYPE_KEYS, VERDICT_KEYS
from alignbench.annotation.label_studio.guidelines import guidelines_html
from alignbench.annotation.label_studio.page import NOTE, SENTENCE, SPANS, VERDICT, labelling_config
from alignbench.annotation.label_studio.texts import (
    ENGLISH,
    AnnotatorTexts,
    annotator_texts,
    languages,
)
from alignbench.schemas.vocabulary import HallucinationType, Verdict
from tests.fixtures.browser import renew_picture
from tests.fixtures.services import EmbeddedLabelStudio

TEXTS = annotator_texts(ENGLISH)
TASK = {
    "image": "/data/local-files/?d=images/as/astronaut.png",
    "sentence": "She wears a bright blue flight suit and holds a guitar under her arm.",
    "before": "A smiling woman with short brown hair sits for a portrait. ",
    "after": " Behind her stand an American flag and a model of a Space Shuttle.",
    "place": "2 / 3",
    "progress": "pilot · 12 / 300",
    "sentence_id": "0" * 32,
    "text_sha256": "0" * 64,
}
HOSTILE = (
    'A <b>bold</b> <script>window.ran = 1</script><img src=x onerror="window.ran = 1"> '
    "{{7*7}} ${sentence} $after &amp; 5 < 6."
)

# Where a word of the sentence stands on the screen.
WORD_BOX = """word => {
  const walker = document.createTreeWalker(
    document.querySelector(".ab-sentence .lsf-richtext__container"), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const start = node.data.indexOf(word);
    if (start < 0) continue;
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, start + word.length);
    const box = range.getBoundingClientRect();
    return [box.x, box.y, box.width, box.height];
  }
}"""

# How high the image is, and how large the sentence's text.
SIZES = """() => {
  const text = document.querySelector(".ab-sentence .lsf-richtext__container");
  const image = document.querySelector(".ab-picture img");
  return [image.getBoundingClientRect().height, parseFloat(getComputedStyle(text).fontSize)]
    .map(Math.round);
}"""


# The contrast ratio (WCAG 2.2) of an element's text and what it stands on.
CONTRAST = """node => {
  const shades = [getComputedStyle(node).color, getComputedStyle(node).backgroundColor];
  const [text, ground] = shades.map(shade => {
    const [r, g, b] = shade.match(/[\\d.]+/g).slice(0, 3).map(part => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
  return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
}"""


class Annotator(NamedTuple):
    """A browser page on which the first sentence of a project waits for an answer."""

    page: Page
    client: LabelStudio
    project_id: int
    requested: list[str]

    def picture(self, name: str) -> None:
        renew_picture(self.page, name)

    def mark(self, word: str) -> None:
        """Drags over the word's inner letters."""
        x, y, width, height = self.page.evaluate(WORD_BOX, word)
        self.page.mouse.move(x + width * 0.3, y + height / 2)
        self.page.mouse.down()
        self.page.mouse.move(x + width * 0.7, y + height / 2, steps=4)
        self.page.mouse.up()

    def close_guidelines(self) -> None:
        """Closes what comes first in a project with instructions."""
        expect(self.page.locator(".ab-guidelines")).to_be_visible()
        self.page.mouse.click(988, 77)
        expect(self.page.locator(".ab-guidelines")).not_to_be_visible()

    def marks(self, word: str, kind: HallucinationType) -> None:
        """Waits until the word is shown as a span of that type."""
        span = self.page.locator(".ab-sentence .htx-highlight", has_text=word)
        expect(span).to_have_attribute("data-label", re.compile(rf"^\d+:{kind}$"))

    def submit(self) -> list[dict[str, object]]:
        """Submits with the keyboard and gives what the server then has."""
        with self.page.expect_response(lambda response: "/annotations" in response.url) as posted:
            self.page.keyboard.press("Control+Enter")
        assert posted.value.status == 201
        [task] = self.client.tasks.list(project=self.project_id, fields="all")
        [annotation] = self.client.annotations.list(id=task.id)
        return list(annotation.result)


def values(result: list[dict[str, object]], control: str) -> list[object]:
    return [answer["value"] for answer in result if answer["from_name"] == control]


@pytest.fixture(scope="module")
def photograph(label_studio: EmbeddedLabelStudio) -> None:
    target = label_studio.images / "as" / "astronaut.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(files(skimage).joinpath("data", "astronaut.png").read_bytes())


@pytest.fixture
def open_task(
    label_studio: EmbeddedLabelStudio, browser: Browser, photograph: None
) -> Iterator[Callable[..., Annotator]]:
    """Makes a project of one task, logs in and opens its label stream."""
    client = LabelStudio(base_url=label_studio.url, api_key=label_studio.token)
    context = browser.new_context()

    def open_page(
        instruction: str = "", height: int = 900, texts: AnnotatorTexts = TEXTS, **data: str
    ) -> Annotator:
        project = client.projects.create(
            title="Captions",
            label_config=labelling_config(texts),
            expert_instruction=instruction,
            show_instruction=bool(instruction),
        )
        client.import_storage.local.create(
            project=project.id, path=str(label_studio.images), use_blob_urls=True
        )
        client.projects.import_tasks(id=project.id, request=[{**TASK, **data}])
        page = context.new_page()
        page.set_viewport_size({"width": 1400, "height": height})
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        if not context.cookies():
            page.goto(f"{label_studio.url}/user/login/")
            page.fill("[name=email]", label_studio.username)
            page.fill("[name=password]", label_studio.password)
            page.click("button[type=submit]")
            page.wait_for_url("**/")
        page.goto(f"{label_studio.url}/projects/{project.id}/data?labeling=1")
        expect(page.locator(".ab-sentence")).to_contain_text(data.get("sentence", TASK["sentence"]))
        return Annotator(page, client, int(project.id), requested)

    yield open_page
    context.close()


def test_every_verdict_and_every_type_has_a_key_of_its_own() -> None:
    assert set(VERDICT_KEYS) == set(Verdict)
    assert set(TYPE_KEYS) == set(TYPE_COLOURS) == set(HallucinationType)
    keys = [*VERDICT_KEYS.values(), *TYPE_KEYS.values()]
    assert len(set(keys)) == len(keys)
    assert len(set(TYPE_COLOURS.values())) == len(TYPE_COLOURS)


@pytest.mark.parametrize("language", languages())
def test_label_studio_finds_the_controls_under_their_exported_names(language: str) -> None:
    interface = LabelInterface(labelling_config(annotator_texts(language)))
    interface.validate()
    controls = {name: interface.get_control(name) for name in (VERDICT, SPANS, NOTE)}
    assert [control.tag for control in controls.values()] == ["Choices", "Labels", "TextArea"]
    assert all(control.to_name == [SENTENCE] for control in controls.values())
    assert set(controls[VERDICT].labels) == set(Verdict)
    assert set(controls[SPANS].labels) == set(HallucinationType)


def test_an_incorrect_sentence_is_answered_by_keyboard_and_its_wrong_word_marked(
    open_task: Callable[..., Annotator],
) -> None:
    annotator = open_task()
    annotator.page.keyboard.press("2")
    annotator.page.keyboard.press("a")
    annotator.mark("blue")
    annotator.marks("blue", HallucinationType.ATTRIBUTE)
    annotator.page.keyboard.press("o")
    annotator.mark("guitar")
    annotator.marks("guitar", HallucinationType.OBJECT)
    annotator.marks("blue", HallucinationType.ATTRIBUTE)
    expect(annotator.page.locator(".ab-progress")).to_have_text("Round pilot · 12 / 300")
    annotator.picture("annotation-page")
    result = annotator.submit()
    assert values(result, VERDICT) == [{"choices": ["incorrect"]}]
    blue, guitar = TASK["sentence"].index("blue"), TASK["sentence"].index("guitar")
    assert values(result, SPANS) == [
        {"start": blue, "end": blue + 4, "text": "blue", "labels": ["attribute"]},
        {"start": guitar, "end": guitar + 6, "text": "guitar", "labels": ["object"]},
    ]
    assert values(result, NOTE) == []


@pytest.mark.parametrize(
    ("language", "sentence", "wrong"),
    [
        ("ar", "تقف امرأة ببدلة زرقاء أمام علم ABC كبير.", "زرقاء"),
        ("ja", "女性は青いスーツを着ている。", "青い"),
        ("zh", "她穿着一套蓝色的飞行服。", "蓝色"),
    ],
    ids=["ar", "ja", "zh"],
)
def test_in_any_language_the_same_is_stored(
    open_task: Callable[..., Annotator], language: str, sentence: str, wrong: str
) -> None:
    texts = annotator_texts(language)
    annotator = open_task(
        guidelines_html(texts), texts=texts, sentence=sentence, before="", after=""
    )
    annotator.close_guidelines()
    page = annotator.page
    page.keyboard.press("2")
    expect(page.locator(".ab-types")).to_contain_text(texts.types[HallucinationType.ATTRIBUTE].name)
    page.keyboard.press("a")
    x, y, width, height = page.evaluate(WORD_BOX, wrong)
    page.mouse.dblclick(x + width / 2, y + height / 2)
    expect(page.locator(".ab-sentence .htx-highlight")).to_have_count(1)
    direction = page.locator(".ab-answer").evaluate("node => getComputedStyle(node).direction")
    assert direction == texts.direction
    result = annotator.submit()
    assert values(result, VERDICT) == [{"choices": ["incorrect"]}]
    start = sentence.index(wrong)
    assert values(result, SPANS) == [
        {"start": start, "end": start + len(wrong), "text": wrong, "labels": ["attribute"]}
    ]


def test_a_chosen_type_is_read_well_on_its_colour(open_task: Callable[..., Annotator]) -> None:
    page = open_task().page
    page.keyboard.press("2")
    for key in TYPE_KEYS.values():
        page.keyboard.press(key)
        chosen = page.locator(".ab-types .lsf-label_selected")
        expect(chosen).to_have_count(1)
        assert chosen.evaluate(CONTRAST) >= 4.5, key


def test_the_verdicts_stand_at_one_height(open_task: Callable[..., Annotator]) -> None:
    heights = set()
    for words in (0, 12, 400):
        around = " ".join(["word"] * words)
        page = open_task(before=around, after=around).page
        box = page.locator(".ab-verdict").bounding_box()
        assert box is not None
        heights.add(round(box["y"]))
    assert len(heights) == 1


@pytest.mark.parametrize("verdict", [Verdict.CORRECT, Verdict.UNKNOWN])
def test_other_verdicts_are_one_key_and_show_no_types(
    open_task: Callable[..., Annotator], verdict: Verdict
) -> None:
    annotator = open_task()
    types = annotator.page.locator(".ab-types")
    expect(types).not_to_be_visible()
    annotator.page.keyboard.press(VERDICT_KEYS[Verdict.INCORRECT])
    expect(types).to_be_visible()
    annotator.page.keyboard.press(VERDICT_KEYS[verdict])
    expect(types).not_to_be_visible()
    assert values(annotator.submit(), VERDICT) == [{"choices": [verdict]}]


def test_an_answer_without_a_verdict_is_not_sent(open_task: Callable[..., Annotator]) -> None:
    annotator = open_task()
    annotator.page.keyboard.press("Control+Enter")
    expect(annotator.page.get_by_text("Choose a verdict first")).to_be_visible()
    [task] = annotator.client.tasks.list(project=annotator.project_id, fields="all")
    assert list(annotator.client.annotations.list(id=task.id)) == []


def test_a_note_is_saved_as_typed_and_its_letters_are_no_answers(
    open_task: Callable[..., Annotator],
) -> None:
    annotator = open_task()
    annotator.page.keyboard.press("1")
    annotator.page.click(f"textarea[name={NOTE}]")
    annotator.page.keyboard.type("At 2 or 3 places, a lot is blurred.")
    annotator.page.keyboard.press("Tab")
    result = annotator.submit()
    assert values(result, VERDICT) == [{"choices": ["correct"]}]
    assert values(result, NOTE) == [{"text": ["At 2 or 3 places, a lot is blurred."]}]


def test_a_mark_is_removed_with_click_and_backspace(open_task: Callable[..., Annotator]) -> None:
    annotator = open_task()
    annotator.page.keyboard.press("2")
    annotator.page.keyboard.press("a")
    annotator.mark("blue")
    annotator.marks("blue", HallucinationType.ATTRIBUTE)
    annotator.page.locator(".ab-sentence .htx-highlight").click()
    annotator.page.keyboard.press("Backspace")
    expect(annotator.page.locator(".ab-sentence .htx-highlight")).to_have_count(0)
    assert values(annotator.submit(), SPANS) == []


def test_markup_scripts_and_braces_in_a_caption_are_shown_as_text(
    open_task: Callable[..., Annotator],
) -> None:
    annotator = open_task(sentence=HOSTILE, before=HOSTILE, after=HOSTILE, place=HOSTILE)
    heading = ".ab-answer .ab-heading h4"
    for place in (".ab-sentence", ".ab-around >> nth=0", ".ab-around >> nth=1", heading):
        expect(annotator.page.locator(place).first).to_contain_text(HOSTILE)
    assert annotator.page.locator(".ab-answer script, .ab-answer img, .ab-answer b").count() == 0
    assert annotator.page.evaluate("window.ran") is None


def test_the_image_stays_in_view_and_a_long_caption_does_not_push_the_sentence_away(
    open_task: Callable[..., Annotator],
) -> None:
    many = "\n".join(f"Sentence {number} of a caption that does not end." for number in range(80))
    annotator = open_task(height=600, before=many, after=many)
    annotator.page.keyboard.press("2")
    expect(annotator.page.locator(".ab-sentence")).to_be_in_viewport(ratio=1)
    expect(annotator.page.get_by_text("Sentence 79").first).to_be_in_viewport()
    annotator.page.locator(f"textarea[name={NOTE}]").scroll_into_view_if_needed()
    expect(annotator.page.locator(".ab-picture")).to_be_in_viewport(ratio=0.9)


def test_image_and_text_grow_with_the_window_and_shrink_again(
    open_task: Callable[..., Annotator],
) -> None:
    page = open_task().page
    page.wait_for_function("[...document.images].some(image => image.naturalWidth === 512)")
    before = page.evaluate(f"({SIZES})()")
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.wait_for_function(
        f"([image, text]) => {{ const now = ({SIZES})();"
        " return now[0] > 1.5 * image && now[1] > 1.3 * text; }",
        arg=before,
    )
    page.set_viewport_size({"width": 1400, "height": 900})
    page.wait_for_function(f"(before) => ({SIZES})().join() === before.join()", arg=before)


def test_a_sentence_at_either_end_of_its_caption_leaves_no_gap(
    open_task: Callable[..., Annotator],
) -> None:
    annotator = open_task(before="", after="")
    assert [box.is_visible() for box in annotator.page.locator(".ab-around").all()] == [False] * 2


def test_the_guidelines_come_first_and_define_every_answer(
    open_task: Callable[..., Annotator],
) -> None:
    annotator = open_task(instruction=guidelines_html(TEXTS))
    shown = annotator.page.locator(".ab-guidelines")
    expect(shown).to_be_visible()
    for answer in (*TEXTS.verdicts.values(), *TEXTS.types.values()):
        expect(shown).to_contain_text(answer.definition)
    expect(shown.locator("td b").first).to_have_text("correct")
    assert shown.inner_html().count("&lt;") == 0


def test_the_image_is_shown_and_nothing_is_asked_of_another_host(
    open_task: Callable[..., Annotator], label_studio: EmbeddedLabelStudio
) -> None:
    annotator = open_task()
    image = annotator.page.locator(".ab-picture img")
    expect(image).to_be_visible()
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [512, 512]
    own = (label_studio.url, "data:", "blob:")
    assert [url for url in annotator.requested if not url.startswith(own)] == []
