"""Mistakes of a configuration as one error that names the place and the nearest right word."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from alignbench.schemas.errors import ConfigError, MissingExtraError, UnknownNameError
from alignbench.schemas.registry import Group, find, suggestion

T = TypeVar("T")


def refusing(wrong: Callable[[Any], bool], what: str, fix: str) -> Callable[[T], T]:
    """Returns a validator of one key, with advice that `describe` hands on.

    Args:
        wrong: Whether a value is to be refused.
        what: What is wrong then, to go on "... is wrong:"; without the value, which may be secret.
        fix: What to do, as an instruction.
    """

    def validate(value: T) -> T:
        if wrong(value):
            raise PydanticCustomError("refused", "{what}", {"what": what, "fix": fix})
        return value

    return validate


def is_http_address(url: str) -> bool:
    """Tells whether this is an HTTP address with a host, and with no credentials or query."""
    if not url.isprintable() or any(character in url for character in " ?#\\"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, an open bracket
        return False
    is_http = parts.scheme in ("http", "https")
    return is_http and bool(parts.hostname) and port != 0 and "@" not in parts.netloc


def find_at(place: str, group: Group, name: str) -> Any:
    """Returns the class of the plug-in that a section of a configuration names.

    Raises:
        ConfigError: Two packages bring a plug-in of that name.
        UnknownNameError: There is none of that name.
        MissingExtraError: It needs a package that is not installed.
    """
    try:
        return find(group, name)
    except (ConfigError, MissingExtraError, UnknownNameError) as error:
        raise type(error)(f"{place}: {error.what}", error.fix) from None


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
    findings = error.errors(include_url=False)
    # A mistyped key is also a missing one; the typing mistake is what a person can see.
    unknown = (finding for finding in findings if finding["type"] == "extra_forbidden")
    finding = next(unknown, findings[0])
    place = ".".join(str(step) for step in finding["loc"])
    key = str(finding["loc"][-1]) if finding["loc"] else ""
    if finding["type"] == "extra_forbidden":
        known = _known_keys(model, finding["loc"][:-1])
        known += list(beside.model_fields) if beside is not None else []
        return ConfigError(f"{where}: there is no key {place!r}.", suggestion(key, sorted(known)))
    if finding["type"] == "missing":
        mistyped = _mistyped(finding, _known_keys(model, finding["loc"][:-1]))
        if mistyped is None:
            return ConfigError(f"{where}: {place} is missing.", "Add that key.")
        wrong = ".".join([*place.split(".")[:-1], mistyped])
        return ConfigError(f"{where}: there is no key {wrong!r}.", f"Did you mean {key!r}?")
    fix = finding.get("ctx", {}).get("fix") or _advice(finding, place)
    return ConfigError(f"{where}: {place or 'the file'} is wrong: {finding['msg']}.", fix)


def _advice(finding: ErrorDetails, place: str) -> str:
    """Returns what to do about a value of the wrong type, as TOML has it."""
    is_section = isinstance(finding["input"], Mapping)
    if finding["type"] == "tuple_type" and is_section:
        return f"There may be several: write [[{place}]], in double brackets, before each."
    if finding["type"] == "tuple_type":
        return "Write a list, in square brackets."
    if finding["type"] == "string_type" and not is_section:
        return "Write it in quotation marks."
    return "Correct its value."


def _mistyped(missing: ErrorDetails, known: Sequence[str]) -> str | None:
    """Returns the key that stands where the missing one should, in a section that takes any.

    Only keys of the input are looked at: a value may be a secret.
    """
    section = missing["input"]
    keys = [key for key in section if key not in known] if isinstance(section, Mapping) else []
    near = difflib.get_close_matches(str(missing["loc"][-1]), keys, n=1, cutoff=0.6)
    return near[0] if near else None


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
