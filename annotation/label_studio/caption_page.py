"""The page for a whole caption: the image, all its sentences, and a mark for whatever is wrong.

The sentences are the lines of one text; `page.css` numbers them. A label for a whole sentence is
put on any word of it, and colours its line. (Label Studio can widen such a mark to the line itself,
by a step of the browser's selection that Firefox does not have.) What nobody marks counts as
correct, so one key says that every sentence was judged, and without it nothing is sent.
"""

from typing import Final
from xml.etree import ElementTree as ET

from alignbench.annotation.label_studio.choices import TYPE_COLOURS, TYPE_KEYS
from alignbench.annotation.label_studio.guidelines import guidelines_page
from alignbench.annotation.label_studio.page import (
    NOTE,
    SPANS,
    add_choice,
    add_heading,
    add_note,
    add_picture,
    add_required_choices,
    page_style,
)
from alignbench.annotation.label_studio.texts import AnnotatorTexts, CaptionTexts
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.vocabulary import Verdict

CAPTION: Final = "caption"
"""Name of the object that shows the sentences, and of its task field; marks are offsets in it."""
JUDGED: Final = "judged"
"""Name of the control that says that every sentence was judged."""
EVERY_SENTENCE: Final = "every_sentence"
"""What that control stores."""
UNKNOWN: Final = Verdict.UNKNOWN.value
"""The label of a sentence that cannot be decided."""
WHOLE_SENTENCE: Final = "whole_sentence"
"""The label of a sentence that is wrong, and in no word more than in another."""

JUDGED_KEY: Final = "1"
SENTENCE_KEYS: Final = {WHOLE_SENTENCE: "2", UNKNOWN: "3"}
SENTENCE_COLOURS: Final = {WHOLE_SENTENCE: "#882255", UNKNOWN: "#EE8866"}
"""Two more hues of the schemes by Paul Tol that `choices.TYPE_COLOURS` are of."""


def caption_schema_id() -> str:
    """Names what can be answered: the same whatever the language and the look of the page."""
    return derive_id(
        "label-schema",
        [JUDGED, [EVERY_SENTENCE]],
        [SPANS, [*(kind.value for kind in TYPE_KEYS), *SENTENCE_KEYS]],
        NOTE,
        CAPTION,
    )


def caption_config(texts: AnnotatorTexts) -> str:
    """Returns the labelling configuration of a project in which captions are asked about, as XML.

    A task's data gives it `image` (a URL), `caption` (the sentences, one a line) and `progress`.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _caption_texts(texts)
    page = ET.Element("View", className=f"ab-page ab-whole ab-{texts.direction}")
    style = page_style([*TYPE_COLOURS.values(), *SENTENCE_COLOURS.values()])
    ET.SubElement(page, "Style").text = f"{style}\n{_line_style(texts, said)}"
    add_picture(page, texts)
    answer = ET.SubElement(page, "View", className="ab-answer")
    _add_labels(answer, texts, said)
    lines = ET.SubElement(answer, "View", className="ab-lines")
    ET.SubElement(
        lines, "Text", name=CAPTION, value=f"${CAPTION}", granularity="word", showLabels="true"
    )
    _add_judged(answer, said)
    add_note(answer, texts.page.note, texts.page.note_hint, about=CAPTION)
    return ET.tostring(page, encoding="unicode")


def caption_guidelines(texts: AnnotatorTexts) -> str:
    """Returns the guidelines for whole captions, as HTML.

    Raises:
        ConfigError: The texts have none for this page.
    """
    said = _caption_texts(texts)
    return guidelines_page(
        texts,
        opening=said.opening,
        verdicts=[
            (JUDGED_KEY, said.judged, said.judged_definition),
            (SENTENCE_KEYS[WHOLE_SENTENCE], said.whole_sentence, said.whole_sentence_definition),
            (
                SENTENCE_KEYS[UNKNOWN],
                texts.verdicts[Verdict.UNKNOWN].name,
                texts.verdicts[Verdict.UNKNOWN].definition,
            ),
        ],
        marking=said.marking,
    )


def _caption_texts(texts: AnnotatorTexts) -> CaptionTexts:
    if texts.caption is None:
        raise ConfigError(
            f"The texts in {texts.name} have no section [caption], which the page for whole "
            "captions needs.",
            "Translate that section of en.toml, or set unit = 'sentence' in [annotation].",
        )
    return texts.caption


def _sentence_labels(texts: AnnotatorTexts, said: CaptionTexts) -> dict[str, tuple[str, str]]:
    """Returns name and definition of the labels of whole sentences."""
    unknown = texts.verdicts[Verdict.UNKNOWN]
    return {
        WHOLE_SENTENCE: (said.whole_sentence, said.whole_sentence_definition),
        UNKNOWN: (unknown.name, unknown.definition),
    }


def _line_style(texts: AnnotatorTexts, said: CaptionTexts) -> str:
    """Returns the style of lines that have a label of whole sentences somewhere."""
    rules = []
    for stored, (name, _) in _sentence_labels(texts, said).items():
        quoted = name.replace("\\", r"\\").replace('"', r"\"")
        line = f'.ab-lines .lsf-richtext__line:has([data-label*=":{quoted}"])'
        rules.append(f"{line} {{ background: {SENTENCE_COLOURS[stored]}33; }}")
    return "\n".join(rules)


def _add_labels(parent: ET.Element, texts: AnnotatorTexts, said: CaptionTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-types")
    add_heading(view, said.types)
    labels = ET.SubElement(view, "Labels", name=SPANS, toName=CAPTION, showInline="true")
    for kind, key in TYPE_KEYS.items():
        own, colour = texts.types[kind], TYPE_COLOURS[kind]
        add_choice(
            labels, "Label", kind, own.name, hotkey=key, background=colour, hint=own.definition
        )
    for stored, (shown, definition) in _sentence_labels(texts, said).items():
        add_choice(
            labels,
            "Label",
            stored,
            shown,
            hotkey=SENTENCE_KEYS[stored],
            background=SENTENCE_COLOURS[stored],
            hint=definition,
        )


def _add_judged(parent: ET.Element, said: CaptionTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-verdict ab-judged")
    choices = add_required_choices(view, JUDGED, CAPTION, said.judged_missing)
    add_choice(
        choices,
        "Choice",
        EVERY_SENTENCE,
        said.judged,
        hotkey=JUDGED_KEY,
        hint=said.judged_definition,
    )
