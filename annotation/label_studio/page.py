"""The page an annotator answers on: image beside text, one key a verdict, one key a type.

Label Studio builds the page from XML. Where its attributes do not reach, `page.css` styles its
element classes; should another version name them differently, the page gets plainer, not wrong.
"""

from importlib.resources import files
from xml.etree import ElementTree as ET

from alignbench.annotation.label_studio.choices import TYPES, VERDICTS
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
"""Task field with the sentence's place in its caption, as "3 of 7"."""


VOTES = "votes"
"""Name of the object that tells an adjudicator how others answered, and of its task field."""


def labelling_config(*, with_votes: bool = False) -> str:
    """The labelling configuration of an annotation project, as XML.

    A task's data gives it `image` (a URL), `sentence`, `before` and `after` (the caption around the
    sentence, empty at its ends) and `place`; what else is in the data is not shown. The caption is
    untrusted: Label Studio shows all of these as text, never as markup.

    Args:
        with_votes: Show `votes` too, which all tasks must have then.
    """
    page = ET.Element("View", className="ab-page")
    ET.SubElement(page, "Style").text = files(__package__).joinpath("page.css").read_text("utf-8")
    picture = ET.SubElement(page, "View", className="ab-picture")
    ET.SubElement(picture, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true", zoomControl="true")
    answer = ET.SubElement(page, "View", className="ab-answer")
    _add_caption(answer)
    if with_votes:
        _add_votes(answer)
    _add_verdict(answer)
    _add_types(answer)
    _add_note(answer)
    return ET.tostring(page, encoding="unicode")


def _add_caption(parent: ET.Element) -> None:
    caption = ET.SubElement(parent, "View", className="ab-caption")
    _add_heading(caption, f"Sentence ${PLACE}")
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


def _add_votes(parent: ET.Element) -> None:
    view = ET.SubElement(parent, "View", className="ab-votes")
    _add_heading(view, "How it was answered")
    ET.SubElement(view, "Text", name=VOTES, value=f"${VOTES}", selectionEnabled="false")


def _add_verdict(parent: ET.Element) -> None:
    view = ET.SubElement(parent, "View", className="ab-verdict")
    _add_heading(view, "Does the image bear the sentence out?")
    choices = ET.SubElement(
        view,
        "Choices",
        name=VERDICT,
        toName=SENTENCE,
        choice="single",
        showInline="true",
        required="true",
        requiredMessage="Choose a verdict first: 1 correct, 2 incorrect, 3 unknown.",
    )
    for verdict, choice in VERDICTS.items():
        ET.SubElement(
            choices, "Choice", value=verdict, hotkey=choice.hotkey, hint=choice.definition
        )


def _add_types(parent: ET.Element) -> None:
    view = ET.SubElement(
        parent,
        "View",
        className="ab-types",
        visibleWhen="choice-selected",
        whenTagName=VERDICT,
        whenChoiceValue=Verdict.INCORRECT,
    )
    _add_heading(view, "What is wrong? Press a key, then mark the words")
    labels = ET.SubElement(view, "Labels", name=SPANS, toName=SENTENCE, showInline="true")
    for hallucination_type, choice in TYPES.items():
        ET.SubElement(
            labels,
            "Label",
            value=hallucination_type,
            hotkey=choice.hotkey,
            background=choice.colour,
            hint=choice.definition,
        )


def _add_note(parent: ET.Element) -> None:
    view = ET.SubElement(parent, "View", className="ab-note")
    _add_heading(view, "Note")
    ET.SubElement(
        view,
        "TextArea",
        name=NOTE,
        toName=SENTENCE,
        rows="2",
        maxSubmissions="1",
        showSubmitButton="false",
        placeholder="Anything the reader of your answer should know (optional)",
    )


def _add_heading(parent: ET.Element, text: str) -> None:
    view = ET.SubElement(parent, "View", className="ab-heading")
    ET.SubElement(view, "Header", value=text, size="5")
