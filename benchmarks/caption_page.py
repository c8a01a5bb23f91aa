"""The page for whole captions beside the page for sentences: one script on both, in real browsers.

Captions of 3, 7 and 14 sentences, every third of them with a word that is wrong, are answered by
keyboard and double-click on either page: on the one for captions the wrong words are marked and one
key says that all is judged, on the other each sentence gets its verdict. The script thinks about
nothing, so seconds are those of page, browser and server alone.

    python -m benchmarks.caption_page [--captions 4] [--firefox]
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import sync_playwright

from alignbench import services
from alignbench.schemas.vocabulary import HallucinationType
from tests.annotation.label_studio.test_caption_page import Told
from tests.annotation.labelling_person import LabellingPerson
from tests.fixtures.browser import FLAGS, installed_chromium
from tests.fixtures.labelling_browsers import (
    HEIGHT,
    WIDTH,
    ChromiumWindow,
    FirefoxWindow,
    LabellingBrowser,
    running_firefox,
)
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import new_workspace
from tests.flows.test_caption_browsers import prepare_captions, send
from tests.flows.test_queues import PASSWORD, Team

LENGTHS = (3, 7, 14)
WRONG_EVERY = 3


class Figures(NamedTuple):
    """What a caption took on one page."""

    seconds: float
    actions: float
    pages: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=int, default=4)
    parser.add_argument("--firefox", action="store_true", help="measure in Firefox too")
    arguments = parser.parse_args()
    browsers = {"Chromium": _chromium} | ({"Firefox": _firefox} if arguments.firefox else {})
    os.environ.pop("PREFECT_API_URL", None)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            services.up(root, [services.ServiceName.LABEL_STUDIO], 600)
            server = _server(root)
            for name, opened in browsers.items():
                with opened() as browser:
                    for length in LENGTHS:
                        of_pages = _measured(server, browser, name, arguments.captions, length)
                        _print(name, length, *of_pages)
        finally:
            services.down(root)


def _server(root: Path) -> EmbeddedLabelStudio:
    connection = services.label_studio_connection(root)
    credentials = services.read_credentials(root)
    if credentials is None:
        raise SystemExit("Label Studio has no operator.")
    os.environ["LABEL_STUDIO_URL"] = connection.url
    os.environ["LABEL_STUDIO_API_KEY"] = connection.token
    return EmbeddedLabelStudio(
        root, connection.url, connection.token, credentials.username, credentials.password
    )


def _measured(
    server: EmbeddedLabelStudio, browser: LabellingBrowser, name: str, captions: int, length: int
) -> tuple[Figures, Figures]:
    """Returns the figures of the page for captions, and of that for sentences."""
    served = server.images.parent
    served.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=served) as own:
        # The folder's name is in the names of its people.
        team = Team(new_workspace(Path(own) / f"{name.lower()}-{length}"), server)
        said = [_told(number, length) for number in range(captions)]
        prepare_captions(team, said, "en")
        told = {one.text: one for sentences in said for one in sentences}
        on_captions, on_sentences = team.join(2)
        figures = []
        for person_name, unit, tasks in (
            (on_captions, "caption", captions),
            (on_sentences, "sentence", captions * length),
        ):
            send(team, person_name, unit, "en")
            person = LabellingPerson(browser, team.url)
            person.logs_in(person_name, PASSWORD)
            answers = person.answers_captions if unit == "caption" else person.answers_sentences
            answers(team.project(person_name), tasks, told)
            figures.append(
                Figures(person.seconds / captions, person.actions / captions, tasks / captions)
            )
    return figures[0], figures[1]


def _told(caption: int, length: int) -> list[Told]:
    return [
        Told(
            f"Beside house number {100 * caption + number} stands a tall café.",
            {"tall": HallucinationType.ATTRIBUTE} if number % WRONG_EVERY == 1 else {},
        )
        for number in range(length)
    ]


def _print(browser: str, length: int, captions: Figures, sentences: Figures) -> None:
    print(
        f"{browser}, {length} sentences: seconds x{sentences.seconds / captions.seconds:.2f} "
        f"({sentences.seconds:.2f} on the page for sentences, {captions.seconds:.2f} on that for "
        f"captions), actions x{sentences.actions / captions.actions:.2f} "
        f"({sentences.actions:.0f}, {captions.actions:.0f}), "
        f"pages {sentences.pages:.0f} and {captions.pages:.0f}",
        flush=True,
    )


@contextmanager
def _chromium() -> Iterator[LabellingBrowser]:
    with sync_playwright() as playwright:
        path = installed_chromium()
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield ChromiumWindow(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
        browser.close()


@contextmanager
def _firefox() -> Iterator[LabellingBrowser]:
    with tempfile.TemporaryDirectory() as folder, running_firefox(Path(folder)) as firefox:
        yield FirefoxWindow(firefox)


if __name__ == "__main__":
    main()
