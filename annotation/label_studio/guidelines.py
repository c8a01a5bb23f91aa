"""What an annotator is told before the first sentence, and can read again at any time."""

import html
import re

from alignbench.annotation.label_studio.choices import TYPE_KEYS, VERDICT_KEYS
from alignbench.annotation.label_studio.texts import AnnotatorTexts


def guidelines_html(texts: AnnotatorTexts) -> str:
    """The guidelines, for a project's instructions: verdicts, types, keys and hard cases.

    HTML in the tags and attributes that Label Studio's server lets through; the page styles them.
    """
    verdicts = "".join(
        _row(key, texts.verdicts[verdict].name, texts.verdicts[verdict].definition)
        for verdict, key in VERDICT_KEYS.items()
    )
    types = "".join(
        _row(key, texts.types[kind].name, texts.types[kind].definition, *texts.types[kind].examples)
        for kind, key in TYPE_KEYS.items()
    )
    said = texts.guidelines
    classes = f"ab-guidelines ab-{texts.direction}"
    return (
        f'<div class="{classes}">{said.opening}<h3>{html.escape(said.verdict)}</h3>'
        f"<table>{verdicts}</table><h3>{html.escape(said.incorrect)}</h3>{said.marking}"
        f"<table>{types}</table>{said.closing}</div>"
    )


def _row(hotkey: str, name: str, definition: str, *examples: str) -> str:
    escaped = "<br>".join(html.escape(example) for example in examples)
    shown = re.sub(r"\*(.+?)\*", r"<b>\1</b>", escaped)
    cells = (
        f"<kbd>{hotkey.upper()}</kbd>",
        f"<b>{html.escape(name)}</b>",
        html.escape(definition),
        shown,
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells if cell) + "</tr>\n"
