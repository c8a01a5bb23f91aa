"""The sections of `alignbench.toml` about questions: who rewrites them, and who judges answers."""

import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.names import Language, Name

Style = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class QuestionReleaseConfig(BaseModel):
    """`[questions.release]`: the dataset of questions and answers that is published.

    Attributes:
        date: Printed on the card.
        license: Of answers, judgements and ratings: best an SPDX identifier, or `other`.
        license_name: What a licence is called that hubs have no name for.
        license_link: Where its text is.
        language: Of the questions, as codes of ISO 639; by default those that they name.
        authors: Who made it, for the citation.
        url: Where it is published.
        cite_as: How to cite it; made of the above if not given.
        embed_images: Whether images are in the files, as far as their licence allows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = "questions"
    version: Name = "1.0.0"
    date: datetime.date | None = None
    title: str | None = None
    description: str = ""
    license: str = "other"
    license_name: str | None = None
    license_link: str | None = None
    language: tuple[Language, ...] = ()
    authors: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    url: str | None = None
    cite_as: str | None = None
    embed_images: bool = True


class QuestionSetConfig(BaseModel):
    """`[questions.sets.NAME]`: what the licence of a set of questions is, and what it allows.

    Attributes:
        license: Of its questions; best an SPDX identifier.
        images_redistributable: Whether its images may be passed on. Where nothing is said, what
            the images' other sources say counts; where nobody says anything, they are embedded.
        redistributable: Whether its questions may; if not, neither they nor what was answered to
            them is released.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    license: str | None = None
    images_redistributable: bool | None = None
    redistributable: bool = True


class QuestionsConfig(BaseModel):
    """`[questions]`: what all stages about questions go by.

    Attributes:
        tasks: A TOML file of one's own tasks, whose notes judges are told; else AlignMMBench's.
        rated_twice: Share of the sampled images whose answers two people rate, so that it can be
            told how far people agree.
        release: What is published.
        sets: What each set of questions allows, by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: Path | None = None
    rated_twice: Annotated[float, Field(ge=0, le=1)] = 0.2
    release: QuestionReleaseConfig = QuestionReleaseConfig()
    sets: dict[str, QuestionSetConfig] = Field(default_factory=dict)


class _ChatConfig(GeneratorConfig):
    """A captioner's model that is told in a chat what to do, and by whom is not its own to say."""

    @model_validator(mode="after")
    def _has_no_task_of_its_own(self) -> Self:
        for key in ("instruction", "sources"):
            if getattr(self, key) is not None:
                raise PydanticCustomError(
                    "refused",
                    "{what}",
                    {"what": f"{key} is a captioner's", "fix": f"Remove {key!r}."},
                )
        return self


class RewriterConfig(_ChatConfig):
    """`[[rewriters]]`: a model that puts questions in other words; `samples` for each style.

    Attributes:
        styles: How the new questions are to sound, in words for the model.
        checked_by: Name of the entry of `[[captioners]]`, `[[rewriters]]` or `[[judges]]` whose
            model is asked whether both questions mean the same.
    """

    styles: Annotated[tuple[Style, ...], Field(min_length=1)]
    checked_by: Name


class JudgeConfig(_ChatConfig):
    """`[[judges]]`: a model that rates answers without the image; `samples` draws of each.

    Attributes:
        rubric: A rubric by its name, or the path of a file.
        system_turn: Whether rules are told in a turn of the system, which some chat templates have
            no place for; else all is one turn of the user.
        structured: Whether a server is asked to hold the reply to its JSON Schema.
    """

    rubric: str = "general_v1.en"
    system_turn: bool = True
    structured: bool = True
