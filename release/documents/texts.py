"""The files of a release that are texts for people: card, licence and citation, from templates.

Every value that goes into YAML is written as JSON, which is YAML too.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from alignbench.release.documents.citation import authors
from alignbench.release.documents.licences import licence_of
from alignbench.release_format.layout import CITATION, LICENCE
from alignbench.release_format.manifest import Manifest
from alignbench.schemas.ids import derive_id

_FOLDER: Final = "templates"
_SUFFIX: Final = ".j2"


@cache
def text_templates(package: str = "alignbench.release") -> Environment:
    """Returns the templates of a package, by the names of their files."""
    environment = Environment(
        loader=PackageLoader(package, _FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown and YAML; names are checked or written as JSON
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


@cache
def templates_id(package: str = "alignbench.release") -> str:
    """Returns a hash of all templates: another version of the program may word a card otherwise."""
    folder = files(package) / _FOLDER
    texts = {
        part.name: part.read_text("utf-8")
        for part in folder.iterdir()
        if part.name.endswith(_SUFFIX)
    }
    return derive_id(texts)


def terms_texts(manifest: Manifest) -> dict[str, str]:
    """Returns `LICENSE` and `CITATION.cff` of a release, by their paths in it."""
    templates = text_templates()
    values = {
        "manifest": manifest,
        "licence": licence_of(manifest),
        "authors": authors(manifest),
    }
    return {
        path: templates.get_template(f"{path}{_SUFFIX}").render(values)
        for path in (LICENCE, CITATION)
    }
