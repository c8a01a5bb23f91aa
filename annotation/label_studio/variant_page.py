"""The page on which a question in other words is checked: does it mean the same? One key.

Both questions were written by models or strangers. Label Studio shows them as text, never as
markup, and nothing of them is a part of this configuration.
"""

import html
from typing import Final
from xml.etree import ElementTree as ET

from alignbench.annotation.label_studio.page import (
    NOTE,
    add_choice,
    add_heading,
    add_note,
    add_picture_alone,
    add_required_choices,
    add_text_block,
    page_style,
)
from alignbench.annotation.label_studio.rating_page import HISTORY, QUESTION
from alignbench.annotation.label_studio.texts import AnnotatorTexts, VariantTexts
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.vocabulary import Meaning

VARIANT: Final = "variant"
"""Name of the object that shows the question in other words, and of its task field."""
MEANING: Final = "meaning"
"""Name of the control that holds what somebody says of both."""

MEANING_KEYS: Final = {Meaning.SAME: "1", Meaning.DIFFERENT: "2", Meaning.UNKNOWN: "3"}


def variant_schema_id() -> str:
    """Names what can be answered: the same whatever the language and the look of the page."""
    choices = [meaning.value for meaning in MEANING_KEYS]
    return derive_id("label-schema", [MEANING, choices], NOTE, VARIANT)


def variant_config(texts: AnnotatorTexts) -> str:
    """Returns the labelling configuration of a project that checks questions, as XML.

    A task's data gives it `image` (a URL), `history`, `question` and `variant`.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _variant_texts(texts)
    page = ET.Element("View", className=f"ab-page ab-rated ab-{texts.direction}")
    ET.SubElement(page, "Style").text = page_style()
    add_picture_alone(page)
    answer = ET.SubElement(page, "View", className="ab-answer")
    add_text_block(answer, HISTORY, said.history, "ab-history")
    add_text_block(answer, QUESTION, said.question, "ab-question")
    add_text_block(answer, VARIANT, said.variant, "ab-response")
    _add_meanings(answer, said)
    add_note(answer, said.reason, said.reason_hint, about=VARIANT)
    return ET.tostring(page, encoding="unicode")


def variant_guidelines(texts: AnnotatorTexts) -> str:
    """Returns the guidelines for checking questions, as HTML.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _variant_texts(texts)
    rows = "".join(
        f"<tr><td><kbd>{key}</kbd></td><td><b>{html.escape(said.meanings[meaning].name)}</b></td>"
        f"<td>{html.escape(said.meanings[meaning].definition)}</td></tr>\n"
        for meaning, key in MEANING_KEYS.items()
    )
    return (
        f'<div class="ab-guidelines ab-{texts.direction}">{said.opening}'
        f"<table>{rows}</table>{said.closing}</div>"
    )


def _variant_texts(texts: AnnotatorTexts) -> VariantTexts:
    if texts.variants is None:
        raise ConfigError(
            f"The texts in {texts.name} have no section [variants], which the page needs on which "
            "questions in other words are checked.",
            "Translate that section of en.toml.",
        )
    return texts.variants


def _add_meanings(parent: ET.Element, said: VariantTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-verdict")
    add_heading(view, said.meaning)
    choices = add_required_choices(view, MEANING, VARIANT, said.meaning_missing)
    for meaning, key in MEANING_KEYS.items():
        one = said.meanings[meaning]
        add_choice(choices, "Choice", meaning, one.name, hotkey=key, hint=one.definition)
