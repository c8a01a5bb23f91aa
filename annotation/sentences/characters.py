"""Classes of characters that the rules share."""

from typing import Final

ELLIPSES: Final = "…⋯"
EXCLAIMING: Final = "!?‼⁇⁈⁉❗❕❓❔"
PLAIN_TERMINALS: Final = "؟۔।॥።፧՜՞։។៕\u037e။།༎༏༐༑༔᠃᠉᱾᱿꯫෴"
"""Full stops and question marks of scripts in which they mean nothing else."""
WIDE_TERMINALS: Final = "。｡．！？"
"""Full stops of scripts that put no space after them."""
TERMINALS: Final = "." + ELLIPSES + EXCLAIMING + PLAIN_TERMINALS + WIDE_TERMINALS

INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""Characters that are not seen: soft hyphens, spaces without width, marks of direction."""

CLOSERS: Final = "\"'”’»›“‘)]}）］｝】」』》〉〕*_`\ufe0f" + INVISIBLE
"""What may stand between the end of a sentence and the space after it."""
CLOSING_QUOTES: Final = "\"'”’»›“‘」』》〉"
CLOSING_BRACKETS: Final = ")]}）］｝】〕"
SENTENCE_OPENERS: Final = "\"'“‘„‚«‹([{（［｛【「『《〈〔*_`¿¡#@$€£~" + INVISIBLE
"""What may stand before the first letter of a sentence."""

PICTOGRAPHS: Final = (
    "\u2600-\u2752\u2754-\u2756\u2758-\u2775\u2794-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
)
"""Emoji and dingbats, without the exclamation and question marks among them (regex class)."""
PICTOGRAPH_JOINERS: Final = "\ufe0f\u200d\u20e3\U000e0020-\U000e007f"
"""What holds an emoji sequence together (regex class)."""
UNSPACED_LETTERS: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Letters of scripts written without spaces: Chinese and Japanese (regex class)."""


def is_unspaced(char: str) -> bool:
    """Whether the character is a Chinese or Japanese letter."""
    return (
        "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
    )


def is_blank(char: str) -> bool:
    """Whether a reader sees nothing of the character."""
    return char.isspace() or char in INVISIBLE
