"""The sections of `alignbench.toml` about questions: who rewrites them, and who judges answers."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from alignbench.schemas.config_plugins import GeneratorConfig
from alignbench.schemas.names import Name

Style = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class QuestionsConfig(BaseModel):
    """`[questions]`: what all stages about questions go by.

    Attributes:
        tasks: A TOML file of one's own tasks, whose notes judges are told; else AlignMMBench's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: Path | None = None


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
