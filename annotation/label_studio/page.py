"""The page an annotator answers on: image beside text, one key a verdict, one key a type.

Label Studio builds the page from XML. Where its attributes do not reach, `page.css` styles its
element classes; should another version name them differently, the page gets plainer, not wrong.
"""

from collections.abc import Iterable
from importlib.resources import files
from xml.etree import ElementTree as ET

from alignbench.annotation.label_studio.choices import (
    TYPE_COLOURS,
    TYPE_KEYS,
    VERDICT_KEYS,
    text_colour,
)
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.schemas.ids import derive_id
from alignbench.schemas.vocabulary import Verdict

VERDICT = "verdict"
"""Name of the control that holds the verdict."""
SPANS = "spans"
"""Name of the control that holds the wrong spans."""
NOTE = "note"
"""Name of the control that holds the annotator's note."""
SENTENCE = "sentence"
"""Name of the object that shows the sentence, and of its task field; spans are offsets in it."""
IMAGE = "image"
"""Name of the object that shows the image, and of its task field."""
BEFORE = "before"
"""Name of the object that shows the caption up to the sentence, and of its task field."""
AFTER = "after"
"""Name of the object that shows the caption from the sentence on, and of its task field."""
PLACE = "place"
"""Task field with the sentence's place in its caption, as "3 / 7"."""
PROGRESS = "progress"
"""Task field with the round and how far along the annotator is in it, as "pilot · 12 / 300"."""
VOTES = "votes"
"""Name of the object that tells an adjudicator how others answered, and of its task field."""


_IMAGE_HEIGHT = "calc(100vh - 194px)"
"""What is free between the bars of the page; without it the image grows with no window."""


def label_schema_id() -> str:
    """Names what can be answered: the same whatever the language and the look of the page."""
    return derive_id(
        "label-schema",
        [VERDICT, [verdict.value for verdict in VERDICT_KEYS]],
        [SPANS, [kind.value for kind in TYPE_KEYS]],
        NOTE,
        SENTENCE,
    )


def labelling_config(texts: AnnotatorTexts, *, with_votes: bool = False) -> str:
    """The labelling configuration of an annotation project, as XML.

    What is stored is the same whatever the language: a choice under another name has what is stored
    as its alias.

    A task's data gives it `image` (a URL), `sentence`, `before` and `after` (the caption around the
    sentence, empty at its ends), `place` and `progress`; what else is in the data is not shown. The
    caption is untrusted: Label Studio shows all of these as text, never as markup.

    Args:
        texts: What it says.
        with_votes: Show `votes` too, which all tasks must have then.
    """
    page = ET.Element("View", className=f"ab-page ab-{texts.direction}")
    ET.SubElement(page, "Style").text = page_style()
    add_picture(page, texts)
    answer = ET.SubElement(page, "View", className="ab-answer")
    _add_caption(answer, texts)
    if with_votes:
        _add_votes(answer, texts)
    _add_verdict(answer, texts)
    _add_types(answer, texts)
    add_note(answer, texts.page.note, texts.page.note_hint)
    return ET.tostring(page, encoding="unicode")


def add_picture(page: ET.Element, texts: AnnotatorTexts) -> None:
    """Adds the image, and above it how far along the annotator is."""
    picture = ET.SubElement(page, "View", className="ab-picture")
    progress = ET.SubElement(picture, "View", className="ab-progress")
    add_heading(progress, f"{texts.page.progress} ${PROGRESS}")
    ET.SubElement(
        picture,
        "Image",
        name=IMAGE,
        value=f"${IMAGE}",
        zoom="true",
        zoomControl="true",
        height=_IMAGE_HEIGHT,
    )


def add_picture_alone(page: ET.Element) -> None:
    """Adds the image, as high as it is."""
    picture = ET.SubElement(page, "View", className="ab-picture")
    ET.SubElement(picture, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true", zoomControl="true")


def add_required_choices(view: ET.Element, name: str, about: str, missing: str) -> ET.Element:
    """Adds a control of which one choice must be taken, still without choices.

    Args:
        view: Where it stands.
        name: Its name.
        about: Name of the object that it is about.
        missing: What a submit without it is told.
    """
    return ET.SubElement(
        view,
        "Choices",
        name=name,
        toName=about,
        choice="single",
        showInline="true",
        required="true",
        requiredMessage=missing,
    )


def page_style(colours: Iterable[str] = TYPE_COLOURS.values()) -> str:
    """Returns the page's style, with a colour of text that is read well on each label's own.

    Args:
        colours: The labels' colours, in their order.
    """
    lines = [files(__package__).joinpath("page.css").read_text("utf-8")]
    for place, colour in enumerate(colours, start=1):
        chosen = f".ab-types .lsf-label:nth-child({place}).lsf-label_selected"
        lines.append(f"{chosen} {{ color: {text_colour(colour)} !important; }}")
    return "\n".join(lines)


def _add_caption(parent: ET.Element, texts: AnnotatorTexts) -> None:
    caption = ET.SubElement(parent, "View", className="ab-caption")
    add_heading(caption, f"{texts.page.sentence} ${PLACE}")
    _add_around(caption, BEFORE)
    sentence = ET.SubElement(caption, "View", className="ab-sentence")
    ET.SubElement(
        sentence,
        "Text",
        name=SENTENCE,
        value=f"${SENTENCE}",
        granularity="word",
        showLabels="true",
    )
    _add_around(caption, AFTER)


def _add_around(parent: ET.Element, name: str) -> None:
    view = ET.SubElement(parent, "View", className="ab-around")
    ET.SubElement(view, "Text", name=name, value=f"${name}", selectionEnabled="false")


def _add_votes(parent: ET.Element, texts: AnnotatorTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-votes")
    add_heading(view, texts.page.answered)
    ET.SubElement(view, "Text", name=VOTES, value=f"${VOTES}", selectionEnabled="false")


def _add_verdict(parent: ET.Element, texts: AnnotatorTexts) -> None:
    view = ET.SubElement(parent, "View", className="ab-verdict")
    add_heading(view, texts.page.verdict)
    choices = add_required_choices(view, VERDICT, SENTENCE, texts.page.verdict_missing)
    for verdict, key in VERDICT_KEYS.items():
        said = texts.verdicts[verdict]
        add_choice(choices, "Choice", verdict, said.name, hotkey=key, hint=said.definition)


def _add_types(parent: ET.Element, texts: AnnotatorTexts) -> None:
    view = ET.SubElement(
        parent,
        "View",
        className="ab-types",
        visibleWhen="choice-selected",
        whenTagName=VERDICT,
        whenChoiceValue=Verdict.INCORRECT,
    )
    add_heading(view, texts.page.types)
    labels = ET.SubElement(view, "Labels", name=SPANS, toName=SENTENCE, showInline="true")
    for kind, key in TYPE_KEYS.items():
        said, colour = texts.types[kind], TYPE_COLOURS[kind]
        add_choice(
            labels, "Label", kind, said.name, hotkey=key, background=colour, hint=said.definition
        )


def add_choice(parent: ET.Element, tag: str, stored: str, shown: str, **more: str) -> None:
    """Adds a choice or a label that is stored under a name of its own."""
    element = ET.SubElement(parent, tag, {"value": shown, **more})
    if shown != stored:
        element.set("alias", stored)


def add_note(parent: ET.Element, heading: str, hint: str, about: str = SENTENCE) -> None:
    """Adds the field for a note.

    Args:
        parent: Where.
        heading: What stands above it.
        hint: What stands in it while it is empty.
        about: Name of the object that the note is about.
    """
    view = ET.SubElement(parent, "View", className="ab-note")
    add_heading(view, heading)
    ET.SubElement(
        view,
        "TextArea",
        name=NOTE,
        toName=about,
        rows="2",
        maxSubmissions="1",
        showSubmitButton="false",
        placeholder=hint,
    )


def add_text_block(parent: ET.Element, name: str, heading: str, look: str) -> None:
    """Adds a text of the task under a heading, in which nothing can be marked."""
    view = ET.SubElement(parent, "View", className=f"ab-block {look}")
    add_heading(view, heading)
    ET.SubElement(view, "Text", name=name, value=f"${name}", selectionEnabled="false")


def add_heading(parent: ET.Element, text: str) -> None:
    """Adds a heading."""
    view = ET.SubElement(parent, "View", className="ab-heading")
    ET.SubElement(view, "Header", value=text, size="5")
