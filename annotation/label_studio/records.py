"""What is read from and written to a Label Studio server, as plain values."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Self

from alignbench.schemas.ids import sha256_hex

JsonObject = dict[str, object]
"""An object of an answer: nothing is known yet about its values."""

MAX_TITLE = 50
"""Characters that Label Studio allows in a project's title."""

QUEUE_MARK = "alignbench-queue: "
"""How the description of one person's project begins; their e-mail address follows.

The guard of the server reads it: nobody else reaches such a project.
"""


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of a page, and what can be answered on it.

    Attributes:
        guideline_id: Names the texts.
        language: Of the texts.
        texts: The texts as JSON.
        label_schema_id: Names what can be answered.
    """

    guideline_id: str
    language: str
    texts: str
    label_schema_id: str


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """How a project is set up.

    Attributes:
        title: Annotators see it; 3 to 50 characters.
        labelling_config: The page, as XML.
        instructions: The guidelines, as HTML.
        annotators_per_sentence: How many answers a task gets before it is no longer offered.
        shows_predictions: Whether annotators see the predictions that tasks were sent with.
        wording: What annotators read and may answer, which is kept beside their answers.
    """

    title: str
    labelling_config: str
    instructions: str
    annotators_per_sentence: int
    shows_predictions: bool = False
    wording: Wording | None = None

    def titled(self, suffix: str) -> Self:
        """Returns the same with more behind the title, which is cut to make room for it."""
        return replace(self, title=self.title[: MAX_TITLE - len(suffix)] + suffix)


class ProjectCounts(NamedTuple):
    """How much a project holds; `answers` are submitted and skipped ones, without drafts."""

    tasks: int
    answers: int


class ListedTask(NamedTuple):
    """A task as a listing shows it.

    `answered` counts skips too. Drafts it cannot count: the server shows them to their author only.
    """

    task_id: int
    sentence_id: str | None
    answered: bool
    is_offered: bool


class TaskOverlap(NamedTuple):
    """A task with how many answers the server collects for it, and has; skips do not count."""

    task_id: int
    overlap: int
    answers: int


class OfferedTask(NamedTuple):
    """A task, whether the server offers it to be answered, and how many answers it has."""

    task_id: int
    is_offered: bool
    answers: int


class ImportedTask(NamedTuple):
    """A task as it is sent: what it shows, and answers that it shows as predictions."""

    data: dict[str, str]
    predictions: tuple[list[JsonObject], ...] = ()


class S3Images(NamedTuple):
    """Where images lie on S3, and how the annotation server reaches them.

    Attributes:
        bucket: The bucket.
        prefix: Folder of the images in it.
        endpoint: The S3 server's address; None for AWS.
        region: Its region; None for the default one.
        key_id: The access key that signs addresses; None to use the annotation server's own.
        secret: Its secret.
        minutes: How long a signed address is good.
    """

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    key_id: str | None
    secret: str | None
    minutes: int


class ChangedTask(NamedTuple):
    """A task, when the server last changed it or an answer to it, and whether it has answers."""

    updated_at: datetime
    task_id: int
    answered: bool


class RawAnswer(NamedTuple):
    """An answer as the server sent it, with what tells it from others read out of it.

    Attributes:
        answer_id: Its id; without a usable one, a negative number that its JSON determines.
        saved_at: When it was last saved; None if it does not say.
        user_id: Whose it is; None if it does not say.
        content: Its JSON, of which nothing else is known.
    """

    answer_id: int
    saved_at: datetime | None
    user_id: int | None
    content: object

    @classmethod
    def read(cls, content: object) -> Self:
        """Reads an answer; never raises, whatever the JSON is."""
        fields = as_object(content) or {}
        stated_id = as_id(fields.get("id"))
        return cls(
            _id_from_json(content) if stated_id is None else stated_id,
            as_instant(fields.get("updated_at")),
            as_user_id(fields.get("completed_by")),
            content,
        )

    @property
    def text(self) -> str:
        """Its JSON as text, to be kept."""
        return _as_text(self.content)


class AnsweredTask(NamedTuple):
    """A task with its answers; `data` is what it shows, as the server sent it."""

    task_id: int
    updated_at: datetime
    data: object
    answers: list[RawAnswer]


def as_object(value: object) -> JsonObject | None:
    """Returns the value if it is a JSON object."""
    return value if isinstance(value, dict) else None


def as_objects(value: object) -> list[JsonObject]:
    """Returns the JSON objects of a JSON list; of anything else, none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_id(value: object) -> int | None:
    """Returns the value if it can be the id of something on a server: a positive 64-bit integer."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 63:
        return value
    return None


def as_user_id(value: object) -> int | None:
    """Returns the id of a user, whom some requests name by it and others expand to an object."""
    user = as_object(value)
    return as_id(value if user is None else user.get("id"))


def as_instant(value: object) -> datetime | None:
    """Returns the instant that an ISO 8601 text with an offset means, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _id_from_json(content: object) -> int:
    return -1 - int(sha256_hex(_as_text(content).encode())[:15], 16)


def _as_text(content: object) -> str:
    # Escaped to ASCII, so that NUL and lone surrogates can be stored.
    return json.dumps(content, sort_keys=True, ensure_ascii=True)
