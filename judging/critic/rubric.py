"""What a judge goes by: a file with a version, one for each language."""

import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alignbench.judging.errors import RubricError
from alignbench.models.answers.scores import ScoreScale
from alignbench.schemas.ids import derive_id
from alignbench.schemas.registry import suggestion

_SUFFIX = ".toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(_Part):
    """What an answer of these points is like."""

    from_: float = Field(alias="from")
    to: float
    says: str = Field(min_length=1)


class Words(_Part):
    """What the parts of a prompt are called, and what is said between them."""

    scale: str
    rules: str
    task: str
    notes: str
    material: str
    history: str
    user: str
    assistant: str
    question: str
    reference: str
    answer: str
    begin: str
    end: str
    reply: str

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        wanted = {
            self.task: "{task}", self.notes: "{notes}", self.material: "{mark}",
            self.reply: "{lowest}",
        }  # fmt: skip
        for text, place in wanted.items():
            if place not in text:
                raise ValueError(f"{place} is missing from {text!r}")
        return self


class Rubric(_Part):
    """What a judge goes by.

    Attributes:
        name: Its name.
        version: Raised with every change; a rubric that was used is never edited.
        language: The judge is spoken to in it; the notes of tasks are taken from it.
        lowest: The lowest rating.
        highest: The highest.
        role: What the judge is to do.
        rules: What holds for all tasks.
        levels: What the points mean.
        words: What the parts of a prompt are called.
    """

    name: str = Field(min_length=1)
    version: int = Field(ge=1)
    language: str = Field(min_length=2)
    lowest: float
    highest: float
    role: str
    rules: list[str]
    levels: list[Level] = Field(min_length=2)
    words: Words

    @model_validator(mode="after")
    def _check_scale(self) -> Self:
        ends = [level.from_ for level in self.levels], [level.to for level in self.levels]
        if not self.lowest < self.highest:
            raise ValueError("its lowest rating is not below its highest")
        if min(ends[0]) != self.lowest or max(ends[1]) != self.highest:
            raise ValueError("its levels do not reach from its lowest rating to its highest")
        return self

    @property
    def scale(self) -> ScoreScale:
        """The scale of its ratings."""
        return ScoreScale(self.lowest, self.highest)

    @property
    def label(self) -> str:
        """Name, version, language and a hash of the whole: `general_v1.en@1f2e3d4c`."""
        content = derive_id(self.model_dump(mode="json", by_alias=True))
        return f"{self.name}_v{self.version}.{self.language}@{content[:8]}"


def rubric_names() -> list[str]:
    """Returns the names of the rubrics that come with AlignBench."""
    names = (path.name for path in _folder().iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def read_rubric(name: str) -> Rubric:
    """Returns a rubric by its name, such as `general_v1.en`, or by the path of a file.

    Raises:
        RubricError: There is none of that name, or its file has a mistake.
    """
    known = rubric_names()
    path: Traversable | Path = _folder() / f"{name}{_SUFFIX}"
    if name not in known:
        path = Path(name)
        if path.suffix != _SUFFIX:
            raise RubricError(f"There is no rubric {name!r}.", suggestion(name, known))
    try:
        return Rubric.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise RubricError(f"{name} cannot be read: {error}.", "Give a TOML file.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise RubricError(f"{name}: {place}: {first['msg']}.", "Correct the file.") from None


def _folder() -> Traversable:
    return resources.files("alignbench.judging.critic") / "rubrics"
