"""How a release wants to be cited: for `CITATION.cff`, the card and `croissant.json`."""

import re
from typing import Final

from alignbench.release_format.manifest import Manifest

_UNSAFE: Final = re.compile(r"[\\{}]")
"""Characters that BibTeX takes for its own."""


def authors(manifest: Manifest) -> tuple[str, ...]:
    """Returns who made a release; someone, whoever it was, if it does not say."""
    return manifest.authors or (f"The authors of {manifest.title}",)


def cite_as(manifest: Manifest) -> str:
    """Returns how to cite a release: as it says, or else as BibTeX made of what it says."""
    if manifest.cite_as is not None:
        return manifest.cite_as
    fields = {
        "title": manifest.title,
        "author": " and ".join(f"{{{_plain(name)}}}" for name in authors(manifest)),
        "version": manifest.version,
        **({"year": str(manifest.date.year)} if manifest.date else {}),
        **({"url": manifest.url} if manifest.url else {}),
    }
    lines = (
        f"  {name} = {{{value if name == 'author' else _plain(value)}}}"
        for name, value in fields.items()
    )
    key = re.sub(r"[^A-Za-z0-9]+", "_", f"{manifest.name}_{manifest.version}")
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _plain(text: str) -> str:
    return _UNSAFE.sub("", text)
