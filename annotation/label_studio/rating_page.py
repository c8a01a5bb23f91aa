"""The page on which answers to questions are rated: one key a rating, the reference folded away.

Everything it shows but its headings was written by models or strangers. Label Studio shows each of
these as text, never as markup, and nothing of it is a part of this configuration.
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
from alignbench.annotation.label_studio.texts import AnnotatorTexts, RatingTexts
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import derive_id

HISTORY: Final = "history"
"""Name of the object that shows the earlier turns, and of its task field."""
QUESTION: Final = "question"
"""Name of the object that shows what was asked, and of its task field."""
RESPONSE: Final = "response"
"""Name of the object that shows the answer, and of its task field."""
REFERENCE: Final = "reference"
"""Name of the object that shows what a person answered, and of its task field."""
RATING: Final = "rating"
"""Name of the control that holds the rating."""
SHOWS_REFERENCE: Final = "shows_reference"
"""Name of the control that shows the reference while it is chosen, and of what it stores then."""

RATING_KEYS: Final = {**{rating: str(rating) for rating in range(1, 10)}, 10: "0"}
REFERENCE_KEY: Final = "r"
_LEVELS: Final = ((9, 10), (7, 8), (5, 6), (3, 4), (1, 2))


def rating_schema_id() -> str:
    """Names what can be answered: the same whatever the language and the look of the page."""
    return derive_id(
        "label-schema",
        [RATING, list(RATING_KEYS)],
        [SHOWS_REFERENCE, [SHOWS_REFERENCE]],
        NOTE,
        RESPONSE,
    )


def rating_config(texts: AnnotatorTexts) -> str:
    """Returns the labelling configuration of a project in which answers are rated, as XML.

    A task's data gives it `image` (a URL), `history`, `question`, `response` and `reference`.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _rating_texts(texts)
    page = ET.Element("View", className=f"ab-page ab-rated ab-{texts.direction}")
    ET.SubElement(page, "Style").text = page_style()
    add_picture_alone(page)
    answer = ET.SubElement(page, "View", className="ab-answer")
    add_text_block(answer, HISTORY, said.history, "ab-history")
    add_text_block(answer, QUESTION, said.question, "ab-question")
    add_text_block(answer, RESPONSE, said.response, "ab-response")
    _add_scale(answer, said)
    _add_reference(answer, said)
    add_note(answer, said.reason, said.reason_hint, about=RESPONSE)
    return ET.tostring(page, encoding="unicode")


def rating_guidelines(texts: AnnotatorTexts) -> str:
    """Returns the guidelines for rating answers, as HTML.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _rating_texts(texts)
    rows = "".join(
        "<tr><td>"
        + " ".join(f"<kbd>{RATING_KEYS[rating]}</kbd>" for rating in ratings)
        + f"</td><td><b>{ratings[0]}–{ratings[1]}</b></td><td>{html.escape(meaning)}</td></tr>\n"
        for ratings, meaning in zip(_LEVELS, said.levels, strict=True)
    )
    return (
        f'<div class="ab-guidelines ab-{texts.direction}">{said.opening}'
        f"<h3>{html.escape(said.scale)}</h3><table>{rows}</table>{said.closing}</div>"
    )


def _rating_texts(texts: AnnotatorTexts) -> RatingTexts:
    if texts.ratings is None:
        raise ConfigError(
            f"The texts in {texts.name} have no section [ratings], which the page needs on which "
            "answers are rated.",
            "Translate that section of en.toml.",
        )
    return texts.ratings


def _add_scale(parent: ET.Element, said: RatingTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-verdict ab-scale")
    add_heading(view, said.rating)
    choices = add_required_choices(view, RATING, RESPONSE, said.rating_missing)
    for rating, key in RATING_KEYS.items():
        add_choice(choices, "Choice", str(rating), str(rating), hotkey=key)


def _add_reference(parent: ET.Element, said: RatingTexts) -> None:
    """Adds a key that shows the reference as long as it is chosen; the answer keeps that it was."""
    view = ET.SubElement(parent, "View", className="ab-fold")
    choices = ET.SubElement(
        view, "Choices", name=SHOWS_REFERENCE, toName=RESPONSE, choice="multiple", showInline="true"
    )
    add_choice(
        choices,
        "Choice",
        SHOWS_REFERENCE,
        said.reference,
        hotkey=REFERENCE_KEY,
        hint=said.reference_hint,
    )
    folded = ET.SubElement(
        parent,
        "View",
        className="ab-block ab-reference",
        visibleWhen="choice-selected",
        whenTagName=SHOWS_REFERENCE,
        whenChoiceValue=SHOWS_REFERENCE,
    )
    ET.SubElement(folded, "Text", name=REFERENCE, value=f"${REFERENCE}", selectionEnabled="false")
