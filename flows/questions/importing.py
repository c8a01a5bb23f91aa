"""questions import: questions about images come in from a file, with their images.

What comes in: a file of questions, and the folder of their images. What is done: each entry is
checked; nothing odd about it is repaired, but counted. What goes out: a row in `questions` for
each, a blob and a row in `images` for each image. The same file again changes nothing; with images
that were missing before, it adds these.
"""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from alignbench.flows.intake.images import store_image
from alignbench.generators.image_checks import check_image
from alignbench.generators.sources.paths import canonical_name, read_image_file
from alignbench.judging.errors import QuestionFileError
from alignbench.judging.questions.entries import Kind, read_questions
from alignbench.judging.questions.quirks import Census, census
from alignbench.judging.questions.tasks import read_tasks
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt
from alignbench.schemas.rows.generation import Image
from alignbench.schemas.rows.questions import Question
from alignbench.schemas.tables import IMAGES, QUESTIONS
from alignbench.schemas.vocabulary import ImageType
from alignbench.workspace.workspace import Workspace, open_workspace

_COMMIT_ROWS: Final = 2_048


@dataclass(frozen=True)
class QuestionImport:
    """What came of an import.

    Attributes:
        added: Questions that are new.
        renewed: Questions whose image came in now, or whose task is of another category now.
        unchanged: Questions that were there already.
        without_image: Questions whose image has not come in, now or before.
        failures: Entries that are no questions, and images that could not be stored.
        census: What is in the file, and what is odd about it.
    """

    added: int
    renewed: int
    unchanged: int
    without_image: int
    failures: tuple[ItemFailureAt, ...]
    census: Census

    def document(self) -> dict[str, JsonValue]:
        """Returns it as a JSON document."""
        sizes = {str(size): count for size, count in self.census.cluster_sizes.items()}
        found: dict[str, JsonValue] = asdict(self.census) | {"cluster_sizes": sizes}
        return {
            "added": self.added,
            "renewed": self.renewed,
            "unchanged": self.unchanged,
            "without_image": self.without_image,
            "failures": [
                {"place": at.locator, "code": at.failure.code, "message": at.failure.message}
                for at in self.failures
            ],
            "file": found,
        }


def import_questions(
    workspace: str,
    kind: Kind,
    path: Path,
    source: str | None = None,
    images: Path | None = None,
    tasks: Path | None = None,
) -> QuestionImport:
    """Reads a file of questions into the workspace.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        kind: How the file is laid out.
        path: The file.
        source: The name of the set; without one, the kind, or the file's name for one's own.
        images: The folder that names of images are relative to; without one no image comes in.
        tasks: A file of tasks; without one, those of AlignMMBench.

    Raises:
        QuestionFileError: The file as a whole, or the folder of images, cannot be read.
        TaskFileError: The file of tasks is not what it should be.
    """
    opened = open_workspace(workspace)
    known_tasks = read_tasks(tasks)
    name = source or (path.stem if kind is Kind.OWN else kind.value)
    folder = None if images is None else _folder(images)
    entries = list(read_questions(path, kind, name, known_tasks))
    failures = [entry for entry in entries if isinstance(entry, ItemFailureAt)]
    questions = [entry for entry in entries if isinstance(entry, Question)]
    with opened.store.lock("questions"):
        run_id = uuid.uuid4().hex
        shelf = _ImageShelf(opened, folder, run_id)
        before = {row.question_id: row for row in opened.table(QUESTIONS).rows()}
        changed = list(_changed(questions, before, shelf))
        for start in range(0, len(changed), _COMMIT_ROWS):
            opened.table(QUESTIONS).append(changed[start : start + _COMMIT_ROWS], run_id)
    added = sum(row.version == 1 for row in changed)
    now = before | {row.question_id: row for row in changed}
    return QuestionImport(
        added=added,
        renewed=len(changed) - added,
        unchanged=len(questions) - len(changed),
        without_image=sum(now[row.question_id].image_id is None for row in questions),
        failures=(*failures, *shelf.failures),
        census=census(questions),
    )


def _changed(
    questions: list[Question], before: dict[str, Question], shelf: "_ImageShelf"
) -> Iterator[Question]:
    """Yields the questions that are new, and those whose image is or whose category is another.

    All else that a question says is part of its id.
    """
    for question in questions:
        known = before.get(question.question_id)
        image_id = shelf.image_id(question.image_name)
        if known is None:
            yield replace(question, image_id=image_id)
            continue
        now = replace(known, category=question.category, image_id=image_id or known.image_id)
        if now != known:
            yield replace(now, version=known.version + 1)


class _ImageShelf:
    """Images of a folder, stored when they are first asked for."""

    def __init__(self, workspace: Workspace, folder: Path | None, run_id: str) -> None:
        self._workspace = workspace
        self._folder = folder
        self._run_id = run_id
        self._known = set(workspace.table(IMAGES).read(["image_id"])["image_id"].to_pylist())
        self._by_name: dict[str, str | None] = {}
        self.failures: list[ItemFailureAt] = []

    def image_id(self, name: str) -> str | None:
        """Returns the id of the image of that name; None without a folder, or where it failed."""
        if self._folder is None:
            return None
        if name not in self._by_name:
            self._by_name[name] = self._stored(self._folder, name)
        return self._by_name[name]

    def _stored(self, folder: Path, name: str) -> str | None:
        data = read_image_file(folder, canonical_name(name))
        checked = data if isinstance(data, ItemFailure) else check_image(data)
        if isinstance(checked, ItemFailure):
            self.failures.append(ItemFailureAt(name, checked))
            return None
        image: Image = store_image(self._workspace, checked, ImageType.REAL)
        if image.image_id not in self._known:
            self._workspace.table(IMAGES).append([image], self._run_id)
            self._known.add(image.image_id)
        return image.image_id


def _folder(images: Path) -> Path:
    try:
        folder = images.expanduser().resolve(strict=True)
    except (OSError, RuntimeError):
        folder = images
    if not folder.is_dir():
        raise QuestionFileError(f"{images} is no folder.", "Give the folder of the images.")
    return folder
