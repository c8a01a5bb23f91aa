"""What an imported release says of its makers and its licence."""

from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from alignbench.schemas.errors import UsageError
from alignbench.schemas.importing import OwnTerms, PublishedSet
from alignbench.schemas.names import Language

_LANGUAGES: Final = TypeAdapter(tuple[Language, ...])


class ImportTerms(NamedTuple):
    """Who made a set, and under which licence.

    Attributes:
        title: Its name, for people.
        url: Where it is published; None of a set of one's own.
        license: Of its labels and texts; None where none is stated.
        authors: Who made it; nobody where that was not told.
        language: Of its texts, as codes of ISO 639.
    """

    title: str
    url: str | None
    license: str | None
    authors: tuple[str, ...] = ()
    language: tuple[str, ...] = ()


def terms_of(kind: str, published: PublishedSet | None, told: OwnTerms, name: str) -> ImportTerms:
    """Returns the terms of a published set, or those that were told of a set of one's own.

    Args:
        kind: The importer's name.
        published: The set that it reads; None if that is the user's own.
        told: What the user says of it.
        name: The release's name, which is the title of a set that was given none.

    Raises:
        UsageError: Something was told of a set that others published, or a language is no code.
    """
    if published is not None:
        if told != OwnTerms():
            raise UsageError(
                f"Title, authors, licence and language were given for {kind}, which is a"
                f" published set: {published.url}.",
                "Leave them out; data of your own in AlignBench's columns is of the kind 'own'.",
            )
        return ImportTerms(published.title, published.url, published.license)
    try:
        language = _LANGUAGES.validate_python(told.language)
    except ValidationError:
        raise UsageError(
            f"{', '.join(told.language)} are not codes of languages.",
            "Give codes of ISO 639, such as en or pt-BR.",
        ) from None
    authors = tuple(author.strip() for author in told.authors if author.strip())
    return ImportTerms(told.title or name, None, told.license, authors, language)
