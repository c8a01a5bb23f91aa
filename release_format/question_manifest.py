"""`release.json` of a release of questions: what it was made from and what is in it."""

import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import ReleaseFolder
from alignbench.release_format.layout import CHECKSUMS, MANIFEST
from alignbench.release_format.question_columns import QUESTION_SCHEMA_VERSION
from alignbench.schemas.names import Name

KIND: Final = "questions"
"""What `kind` says in `release.json`; a release of sentences has no such key."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SetRecord(_Part):
    """What is known of a set of questions.

    Attributes:
        license: Of its questions; None where none is stated.
        images_redistributable: Whether its images may be passed on; None where nothing is said.
        questions: How many of its questions are in the release.
    """

    license: str | None
    images_redistributable: bool | None
    questions: int


class QuestionImages(_Part):
    """Images of the questions; each counts once.

    Attributes:
        embedded: Those in the files.
        withheld: Those that may not be passed on, and are left out.
        missing: How many questions have no image in the workspace.
    """

    embedded: int
    withheld: int
    missing: int


class QuestionsLeftOut(_Part):
    """What is in the workspace and not in the release, since its set may not be passed on."""

    sets: tuple[str, ...]
    questions: int
    responses: int


class QuestionManifest(_Part):
    """The content of `release.json`.

    Attributes:
        rows: How many rows each table has.
        rows_sha256: Stands for all that the rows say, whatever wrote the files.
        raters: How many people rated.
        texts: Which templates the card, `LICENSE` and `CITATION.cff` were written from.
        config: The models and judges as they are configured, without secrets or addresses.
    """

    kind: Literal["questions"] = KIND
    name: Name
    version: Name
    date: datetime.date | None
    title: str
    description: str
    license: str
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    url: str | None = None
    cite_as: str | None = None
    schema_version: int = QUESTION_SCHEMA_VERSION
    sets: dict[str, SetRecord]
    rows: dict[str, int]
    rows_sha256: str
    images: QuestionImages
    raters: int
    left_out: QuestionsLeftOut
    texts: str
    config: dict[str, Any]

    def to_json(self) -> str:
        """Returns the file's text."""
        return self.model_dump_json(indent=2) + "\n"


def is_of_questions(folder: ReleaseFolder) -> bool:
    """Tells whether a release is one of questions, by what its `release.json` says."""
    return bool(folder.record.get("kind") == KIND)


def refuse_questions(folder: ReleaseFolder) -> None:
    """Raises `NotAReleaseError` for a release of questions, where sentences are wanted."""
    if is_of_questions(folder):
        raise NotAReleaseError(
            f"{folder.address} is a release of questions, not of sentences.",
            "Open it from Python with alignbench.open_question_release; 'alignbench verify' and "
            "'alignbench diff' take it too.",
        )


def finished_question_manifest(folder: ReleaseFolder) -> QuestionManifest:
    """Returns what `release.json` of a finished release of questions says.

    Raises:
        NotAReleaseError: There is no `SHA256SUMS`, or it is no such release of this version.
    """
    try:
        manifest = QuestionManifest.model_validate_json(folder.text(MANIFEST) or "")
    except ValidationError:
        manifest = None
    if manifest is None or CHECKSUMS not in folder.sizes:
        raise NotAReleaseError(
            f"{folder.address} is no finished release of questions of this version.",
            "Name a release that 'alignbench questions release' wrote and 'alignbench verify' "
            "finds sound.",
        )
    return manifest
