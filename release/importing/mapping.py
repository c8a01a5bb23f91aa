"""Tables by which a set's own labels become ours: the importer's, or one of the user's."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from alignbench.release.errors import ImportFileError
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.vocabulary import HallucinationType, Verdict


class OurLabel(BaseModel):
    """What a label of a set's means here: a verdict, and perhaps the kind of mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Verdict
    error_type: HallucinationType | None = None


_SECTION: Final = "labels"


def read_labels(own: str, path: Path | None) -> dict[str, OurLabel]:
    """Returns the table `[labels]` of a mapping file, in its order.

    Args:
        own: File of the importers' folder that is read if there is no other.
        path: A file of the user's.

    Raises:
        ImportFileError: It cannot be read, or is no such table.
    """
    place = files("alignbench.release.importers").joinpath(own) if path is None else path
    try:
        table = tomllib.loads(place.read_text(encoding="utf-8"))
        found = {
            name: OurLabel.model_validate(value) for name, value in table.pop(_SECTION).items()
        }
        if table:
            raise ValueError(f"there is no section {next(iter(table))!r}")
    except (OSError, ValueError, KeyError, AttributeError, ValidationError) as error:
        raise ImportFileError(
            f"The mapping {place} cannot be used: {error}.",
            "It has a section [labels] with lines such as: "
            'value_error = { verdict = "incorrect", error_type = "number" }.',
        ) from None
    return found


def shown(labels: Mapping[str, OurLabel]) -> dict[str, JsonValue]:
    """Returns a table as people see it: label to verdict and type."""
    return {
        name: ": ".join(filter(None, (label.verdict.value, label.error_type)))
        for name, label in labels.items()
    }


def refuse_mapping(kind: str, path: Path | None) -> None:
    """Raises `UsageError` if there is a mapping for a kind that has nothing to map."""
    if path is not None:
        raise UsageError(
            f"A mapping was given, but {kind!r} has no labels that could be mapped in other ways.",
            "Leave out --mapping.",
        )
