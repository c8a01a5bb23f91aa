"""What the table says of a family, and how a row is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from alignbench.schemas.ids import JsonValue


class Ability(Enum):
    """What a vision-language model is used for; a column of the page's table each."""

    CAPTION = "captions"
    SAMPLE = "sampling"
    SCORE = "`score`"
    YES_NO = "`yes_no`"
    LIKELIHOOD = "likelihood"


@dataclass(frozen=True)
class Family:
    """A family of vision-language models: a row of the table.

    Attributes:
        name: What it is called; `model_type` of its configuration, unless one has several.
        build: Saves a tiny model of it, with random weights, in a folder.
        published: A published model that is of this family.
        instruction: What its captioner is asked; None where it captions without being asked.
        prompt: What the library's own page has one write for that instruction, where it is more.
        template_options: What its chat template is given beside the messages.
        keeps_instruction: Whether what it is asked is the beginning of its caption.
        needs_torchvision: Whether the library cannot load its processor without torchvision.
        cannot: What it cannot be used for, with the words of the error that says so.
        note: What a user should know, for the page.
    """

    name: str
    build: Callable[[Path], None]
    published: str
    instruction: str | None = "Describe this image."
    needs_torchvision: bool = True
    prompt: str | None = None
    template_options: Mapping[str, JsonValue] = field(default_factory=dict)
    keeps_instruction: bool = False
    cannot: Mapping[Ability, str] = field(default_factory=dict)
    note: str = ""

    @property
    def said(self) -> str | None:
        """What the library's processor is given for the instruction."""
        return self.prompt or self.instruction
