"""What an annotator is told before the first sentence, and can read again at any time."""

import html
import re

from alignbench.annotation.label_studio.choices import TYPES, VERDICTS

_OPENING = """\
<h2>Is this sentence true of this image?</h2>
<p>You see an image and one sentence of its caption, in large type. The caption around it, dimmed,
is there only so that you know what <em>it</em>, <em>she</em> or <em>the other one</em> means: judge
the large sentence, not its neighbours. Zoom into the image where details are small.</p>
"""

_MARKING = """\
<p>Then mark what is wrong: press the type's key and double-click the word, or drag over several.
Mark as few words as carry the mistake: in <em>a bright blue suit</em> only <em>blue</em>, if the
suit is orange. Every mistake gets a mark of its own. To remove a mark, click it and press
<kbd>Backspace</kbd>.</p>
"""

_CLOSING = """\
<h3>When in doubt</h3>
<ul>
<li>One wrong detail makes a sentence incorrect, however much of it is right.</li>
<li>A thing that is there under a wrong name is <em>object</em>; a thing that is not there at all is
<em>illusion</em>.</li>
<li>A wrong place in the frame is <em>location</em>; a wrong place with regard to another thing is
<em>relation</em>; a wrong gaze, facing or motion is <em>direction</em>.</li>
<li>What one thing does by itself (<em>running</em>) is <em>attribute</em>; what two do with each
other (<em>feeding the goat</em>) is <em>relation</em>.</li>
<li>Three cups where there is one: <em>number</em>, on <em>three</em>. Three cups where there is
none: <em>illusion</em>.</li>
<li>Writing that is there and read wrongly is <em>text</em>; writing that is not there at all is
<em>illusion</em>.</li>
<li>The overall atmosphere, a mood or an opinion (<em>a calm, inviting scene</em>) is unknown,
unless the image contradicts it. If the same sentence also says something that can be seen to be
wrong, it is incorrect, and that is marked.</li>
<li>Use what the image shows, not what you know or look up.</li>
</ul>
<p>Submit with <kbd>Ctrl</kbd>+<kbd>Enter</kbd>; after typing a note, press <kbd>Tab</kbd> first.
Skip a sentence only if you cannot work on it at all, for example because the image does not load; a
skip is no answer.</p>
"""


def guidelines_html() -> str:
    """The guidelines, for a project's instructions: verdicts, types, keys and hard cases.

    HTML in the tags and attributes that Label Studio's server lets through; the page styles them.
    """
    verdicts = "".join(
        _row(choice.hotkey, verdict, choice.definition) for verdict, choice in VERDICTS.items()
    )
    types = "".join(
        _row(choice.hotkey, kind, choice.definition, *choice.examples)
        for kind, choice in TYPES.items()
    )
    return (
        f'<div class="ab-guidelines">{_OPENING}<h3>Verdict</h3><table>{verdicts}</table>'
        f"<h3>If it is incorrect</h3>{_MARKING}<table>{types}</table>{_CLOSING}</div>"
    )


def _row(hotkey: str, name: str, definition: str, *examples: str) -> str:
    escaped = "<br>".join(html.escape(example) for example in examples)
    shown = re.sub(r"\*(.+?)\*", r"<b>\1</b>", escaped)
    cells = (f"<kbd>{hotkey.upper()}</kbd>", f"<b>{name}</b>", f"{html.escape(definition)}.", shown)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells if cell) + "</tr>\n"
