"""What an annotator is told before the first sentence, and can read again at any time."""

import html
import re
from collections.abc import Sequence

from alignbench.annotation.label_studio.choices import TYPE_KEYS, VERDICT_KEYS
from alignbench.annotation.label_studio.texts import AnnotatorTexts


def guidelines_html(texts: AnnotatorTexts) -> str:
    """The guidelines, for a project's instructions: verdicts, types, keys and hard cases."""
    said = texts.guidelines
    verdicts = [
        (key, texts.verdicts[verdict].name, texts.verdicts[verdict].definition)
        for verdict, key in VERDICT_KEYS.items()
    ]
    return guidelines_page(texts, opening=said.opening, verdicts=verdicts, marking=said.marking)


def guidelines_page(
    texts: AnnotatorTexts, *, opening: str, verdicts: Sequence[tuple[str, str, str]], marking: str
) -> str:
    """Returns guidelines, as HTML in the tags that Label Studio's server lets through.

    Args:
        texts: What they say in any case.
        opening: What they begin with, as HTML.
        verdicts: Key, name and definition of each answer to a sentence as a whole.
        marking: How words are marked, as HTML.
    """
    answers = "".join(_row(*verdict) for verdict in verdicts)
    types = "".join(
        _row(key, texts.types[kind].name, texts.types[kind].definition, *texts.types[kind].examples)
        for kind, key in TYPE_KEYS.items()
    )
    said = texts.guidelines
    classes = f"ab-guidelines ab-{texts.direction}"
    return (
        f'<div class="{classes}">{opening}<h3>{html.escape(said.verdict)}</h3>'
        f"<table>{answers}</table><h3>{html.escape(said.incorrect)}</h3>{marking}"
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
