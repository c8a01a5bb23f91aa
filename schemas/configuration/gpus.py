"""How many GPUs a process needs for a model."""

from typing import Annotated

from pydantic import AfterValidator, Field

from alignbench.schemas.configuration.mistakes import refusing

_parts_of_several = refusing(
    lambda gpus: gpus > 1 and gpus != int(gpus),
    "more than one GPU is a whole number of them",
    "Write a number such as 0.5, 1 or 2.",
)

Gpus = Annotated[float, Field(ge=0, le=64), AfterValidator(_parts_of_several)]
"""Several GPUs, or a share of one that several processes use."""
