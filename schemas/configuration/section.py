"""What every section of a configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: unknown keys are refused, and nothing in it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
