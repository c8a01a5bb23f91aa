"""Rounds that have to do with questions, on a real server, and somebody at a real browser."""

import shutil
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.cli.app import app
from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.rows.questions import Rating, VariantCheck
from alignbench.schemas.tables import RATINGS, RESPONSES, TASKS, VARIANT_CHECKS
from alignbench.workspace.workspace import Workspace
from tests.fixtures.browser import renew_picture, submit_by_key
from tests.fixtures.services import EmbeddedLabelStudio

_CROSS = (988, 77)
CHINESE = {
    "language": "zh",
    "prompt": "图中的猫是什么颜色的？眼睛呢？",
    "reference": "橘棕色的虎斑猫，眼睛是黄绿色的。",
    "history": [{"user": "图中是什么动物？", "assistant": "是一只猫。"}],
}


class Round(NamedTuple):
    """A workspace with questions, and the server that people are asked on."""

    opened: Workspace
    root: Path
    server: EmbeddedLabelStudio

    def run(self, *verb: str) -> str:
        done = CliRunner().invoke(app, ["-C", str(self.root), *verb])
        assert done.exit_code == 0, done.output
        return done.output

    def fails(self, *verb: str) -> str:
        done = CliRunner().invoke(app, ["-C", str(self.root), *verb])
        assert done.exit_code != 0
        return f"{done.output}{done.exception}"

    def tasks(self, assignee: str) -> list[Task]:
        rows = self.opened.table(TASKS).rows()
        theirs = [row for row in rows if row.assignee == assignee and row.task_id is not None]
        return sorted(theirs, key=lambda row: row.task_id or 0)

    def ratings(self) -> dict[tuple[str, str], Rating]:
        rows = self.opened.table(RATINGS).rows()
        return {(row.annotator, row.response_id): row for row in rows}

    def checks(self) -> dict[tuple[str, str], VariantCheck]:
        rows = self.opened.table(VARIANT_CHECKS).rows()
        return {(row.annotator, row.variant_id): row for row in rows}

    def texts(self) -> dict[str, str]:
        return {row.response_id: row.text for row in self.opened.table(RESPONSES).rows()}


class Rater:
    """Somebody who rates answers, or compares questions, by keyboard alone."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def opens(self, url: str, project: int, title: str) -> None:
        self.page.goto(f"{url}/user/login/")
        self.page.locator("[name=email]").focus()
        self.page.keyboard.type("ann@example.org")
        self.page.keyboard.press("Tab")
        self.page.keyboard.type("a long password")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda found: "/user/login" not in found)
        self.page.goto(f"{url}/projects/{project}/data?labeling=1")
        guidelines = self.page.locator(".ab-guidelines")
        expect(guidelines).to_contain_text(title)
        self.page.mouse.click(*_CROSS)
        expect(guidelines).not_to_be_visible()

    def sees(self, text: str) -> None:
        expect(self.page.locator(".ab-response")).to_contain_text(text)
        self.page.wait_for_function(
            "[...document.images].some(image => image.naturalWidth === 451)"
        )

    def submits(self) -> None:
        submit_by_key(self.page)

    def picture(self, name: str) -> None:
        renew_picture(self.page, name)


def shows_images(made: Round, server: LabelStudioServer, project: int) -> None:
    """The server shows images of the workspace that it belongs to: another one."""
    shutil.copytree(made.root / "blobs" / "images", made.server.images, dirs_exist_ok=True)
    server.storages.ensure_local(project, str(made.server.images))
