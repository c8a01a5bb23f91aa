"""Names that become folders, keys and addresses, of models, sources and releases; and languages."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")]
"""A code of ISO 639, which a script or a country may follow."""

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def is_name(value: object) -> bool:
    """Tells whether a value is a `Name`, and so safe as one step of a path."""
    try:
        _NAME.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
