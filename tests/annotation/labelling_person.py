"""Somebody who answers whole captions, or one sentence after another, in any browser."""

import re
import time
from collections.abc import Mapping, Sequence

from alignbench.annotation.label_studio.caption_page import JUDGED_KEY, SENTENCE_KEYS
from alignbench.annotation.label_studio.choices import TYPE_KEYS, VERDICT_KEYS
from alignbench.schemas.vocabulary import Verdict
from tests.annotation.label_studio.test_caption_page import Told
from tests.fixtures.labelling_browsers import LabellingBrowser, Point, wait_until

CAPTION = ".ab-lines .lsf-richtext__line"
"""The lines of the page for captions."""
SENTENCE = ".ab-sentence .lsf-richtext__line"
"""The line of the page for sentences."""
_CROSS = Point(988, 77)
"""What closes the instructions, in a window of `WIDTH` and `HEIGHT`."""

_COUNT = """(selector) => document.querySelectorAll(selector).length"""
_IS_COUNT = """([selector, count]) => document.querySelectorAll(selector).length === count"""
_IS_MORE = """([selector, count]) => document.querySelectorAll(selector).length > count"""
_SHOWS_OTHERS = """([selector, before]) => {
  const pictures = [...document.querySelectorAll(".ab-picture img")];
  if (!pictures.some(picture => picture.complete && picture.naturalWidth > 0)) return null;
  const lines = [...document.querySelectorAll(selector)].map(line => line.textContent);
  return lines.length > 0 && lines.join("\\n") !== before ? lines : null;
}"""
_SHOWS_NO_MORE = """([selector, before]) => {
  const lines = [...document.querySelectorAll(selector)].map(line => line.textContent);
  return lines.join("\\n") !== before;
}"""
# Where the first and the last character of a text in the n-th line are: left edge, middle, width.
_ENDS = """([selector, line, text]) => {
  const walker = document.createTreeWalker(
    document.querySelectorAll(selector)[line], NodeFilter.SHOW_TEXT);
  const places = [];
  let whole = "";
  for (let node; (node = walker.nextNode());) {
    for (let i = 0; i < node.data.length; i++) places.push([node, i]);
    whole += node.data;
  }
  const box = ([node, at]) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, Math.min(node.data.length, at + 1));
    const found = range.getBoundingClientRect();
    return [found.x, found.y + found.height / 2, found.width];
  };
  const start = whole.indexOf(text);
  return [box(places[start]), box(places[start + text.length - 1])];
}"""


class LabellingPerson:
    """An annotator who says what they are told to say.

    Attributes:
        actions: How many keys they have pressed, and how often they have marked something.
        seconds: How long they were at it, from the first task that they saw to the last submitted.
    """

    def __init__(self, browser: LabellingBrowser, url: str) -> None:
        self.browser = browser
        self.actions = 0
        self.seconds = 0.0
        self._url = url

    def logs_in(self, email: str, password: str) -> None:
        self.browser.opens(f"{self._url}/logout")  # whoever was here before; it leads to the form
        self.browser.opens(f"{self._url}/user/login/")
        self.browser.types("[name=email]", email)
        self.browser.types("[name=password]", password)
        self.browser.presses("Enter")
        wait_until(self.browser, "() => !location.pathname.includes('/user/login')")

    def answers_captions(self, project: int, count: int, told: Mapping[str, Told]) -> None:
        """Answers so many captions of a queue.

        Args:
            project: The queue.
            count: How many it has.
            told: What they say, by the text of the sentence.
        """
        lines = self._begins(project, CAPTION)
        started = time.monotonic()
        for number in range(count):
            for place, line in enumerate(lines):
                one = told[line]
                for words, kind in one.words.items():
                    self._marks(CAPTION, place, words, TYPE_KEYS[kind])
                if one.label is not None:
                    first_word = re.findall(r"\w+", one.text)[0]
                    self._marks(CAPTION, place, first_word, SENTENCE_KEYS[one.label])
            self._chooses(JUDGED_KEY)
            lines = self._submits(CAPTION, lines, is_last=number == count - 1)
        self.seconds += time.monotonic() - started

    def answers_sentences(self, project: int, count: int, told: Mapping[str, Told]) -> None:
        """Answers so many sentences of a queue; see `answers_captions`."""
        lines = self._begins(project, SENTENCE)
        started = time.monotonic()
        for number in range(count):
            [line] = lines
            one = told[line]
            self._chooses(VERDICT_KEYS[Verdict(one.verdict)])
            for words, kind in one.words.items():
                self._marks(SENTENCE, 0, words, TYPE_KEYS[kind])
            lines = self._submits(SENTENCE, lines, is_last=number == count - 1)
        self.seconds += time.monotonic() - started

    def _begins(self, project: int, selector: str) -> list[str]:
        """Opens a queue and closes the instructions; returns the lines of its first task."""
        self.browser.opens(f"{self._url}/projects/{project}/data?labeling=1")
        wait_until(self.browser, _IS_COUNT, [".ab-guidelines", 1])
        for _ in range(20):  # a message takes no click before it has faded in
            if not self.browser.asks(_COUNT, ".ab-guidelines"):
                break
            self.browser.clicks(_CROSS)
            time.sleep(1)
        wait_until(self.browser, _IS_COUNT, [".ab-guidelines", 0])
        return self._next_lines(selector, [])

    def _chooses(self, key: str) -> None:
        self._presses(key)
        wait_until(self.browser, _IS_COUNT, [".ab-verdict input:checked", 1])

    def _marks(self, selector: str, line: int, words: str, key: str) -> None:
        """Chooses a label with its key and double-clicks the word, or drags over several."""
        before = self.browser.asks(_COUNT, ".htx-highlight")
        self._presses(key)
        wait_until(self.browser, _IS_COUNT, [".ab-types .lsf-label_selected", 1])
        (x, y, width), (to_x, to_y, to_width) = self.browser.asks(_ENDS, [selector, line, words])
        self.actions += 1
        if words.isalnum():
            self.browser.clicks(Point((x + to_x + to_width) / 2, y), times=2)
        else:
            self.browser.drags(Point(x + width * 0.3, y), Point(to_x + to_width * 0.7, to_y))
        wait_until(self.browser, _IS_MORE, [".htx-highlight", before])
        wait_until(self.browser, _IS_COUNT, [".ab-types .lsf-label_selected", 0])

    def _presses(self, key: str, *, control: bool = False) -> None:
        self.actions += 1
        self.browser.presses(key, control=control)

    def _submits(self, selector: str, lines: Sequence[str], *, is_last: bool) -> list[str]:
        self._presses("Enter", control=True)
        if not is_last:
            return self._next_lines(selector, lines)
        wait_until(self.browser, _SHOWS_NO_MORE, [selector, "\n".join(lines)])
        return []

    def _next_lines(self, selector: str, before: Sequence[str]) -> list[str]:
        found = wait_until(self.browser, _SHOWS_OTHERS, [selector, "\n".join(before)])
        return list(found)
