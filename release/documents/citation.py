"""How a release wants to be cited: for `CITATION.cff`, the card and `croissant.json`."""

import re
from typing import Final

from alignbench.release_format.terms import Terms

_UNSAFE: Final = re.compile(r"[\\{}]")
"""Characters that BibTeX takes for its own."""


def authors(terms: Terms) -> tuple[str, ...]:
    """Returns who made a release; someone, whoever it was, if it does not say."""
    return terms.authors or (f"The authors of {terms.title}",)


def cite_as(terms: Terms) -> str:
    """Returns how to cite a release: as it says, or else as BibTeX made of what it says."""
    if terms.cite_as is not None:
        return terms.cite_as
    fields = {
        "title": terms.title,
        "author": " and ".join(f"{{{_plain(name)}}}" for name in authors(terms)),
        "version": terms.version,
        **({"year": str(terms.date.year)} if terms.date else {}),
        **({"url": terms.url} if terms.url else {}),
    }
    lines = (
        f"  {name} = {{{value if name == 'author' else _plain(value)}}}"
        for name, value in fields.items()
    )
    key = re.sub(r"[^A-Za-z0-9]+", "_", f"{terms.name}_{terms.version}")
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _plain(text: str) -> str:
    return _UNSAFE.sub("", text)
