"""The tasks that questions belong to, and their categories: a file, ours or the user's own."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alignbench.judging.errors import TaskFileError

BUILT_IN = "alignmmbench_tasks.toml"


class Task(BaseModel):
    """A task.

    Attributes:
        name: As questions name it.
        category: What it belongs to.
        notes: What a judge is told of it beside the rubric, by language.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    category: str = Field(min_length=1)
    notes: dict[str, str] = {}


class _TaskFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: list[Task] = Field(min_length=1)


@dataclass(frozen=True)
class Tasks:
    """The tasks of a set of questions, in the order of their file."""

    by_name: Mapping[str, Task]

    @property
    def names(self) -> list[str]:
        """The names of all tasks."""
        return list(self.by_name)


def read_tasks(path: Path | None = None) -> Tasks:
    """Returns the tasks of a file; without one, the thirteen of AlignMMBench.

    Raises:
        TaskFileError: The file is missing, is no TOML, has an unknown key or a task twice.
    """
    where = str(path or BUILT_IN)
    try:
        text = (path or resources.files(__package__) / BUILT_IN).read_text(encoding="utf-8")
        found = _TaskFile.model_validate(tomllib.loads(text)).task
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise TaskFileError(f"{where} cannot be read: {error}.", "Give a TOML file.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TaskFileError(f"{where}: {place}: {first['msg']}.", "Correct the file.") from None
    by_name = {task.name: task for task in found}
    if len(by_name) < len(found):
        raise TaskFileError(f"{where} has a task twice.", "Name each task once.")
    return Tasks(by_name)
