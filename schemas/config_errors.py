"""Turning Pydantic's findings into one error that names the key and the nearest known one."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from schemas.errors import ConfigError
from schemas.registry import suggestion


def describe(
    error: ValidationError,
    where: str,
    model: type[BaseModel],
    beside: type[BaseModel] | None = None,
) -> ConfigError:
    """Returns the most telling finding as an error a person can act on.

    Args:
        error: What Pydantic found.
        where: The file, and the section in it.
        model: The model that was validated.
        beside: A model whose keys may stand in the same section.
    """
    findings = error.errors(include_input=False, include_url=False)
    # A mistyped key is also a missing one; the typing mistake is what a person can see.
    unknown = (finding for finding in findings if finding["type"] == "extra_forbidden")
    finding = next(unknown, findings[0])
    place = ".".join(str(step) for step in finding["loc"])
    if finding["type"] == "missing":
        return ConfigError(f"{where}: {place} is missing.", "Add that key.")
    if finding["type"] != "extra_forbidden":
        return ConfigError(
            f"{where}: {place or 'the file'} is wrong: {finding['msg']}.", "Correct its value."
        )
    key = str(finding["loc"][-1])
    known = _known_keys(model, finding["loc"][:-1])
    known += list(beside.model_fields) if beside is not None else []
    return ConfigError(f"{where}: there is no key {place!r}.", suggestion(key, sorted(known)))


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for step in path:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)
