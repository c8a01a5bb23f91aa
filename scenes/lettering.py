"""The letters that scenes are written in, as dots: own, so that no font decides what is drawn."""

import numpy as np
from numpy.typing import NDArray

from alignbench.scenes.scene import WORDS

LETTER_WIDTH = 4
LETTER_HEIGHT = 5
_ROWS = {
    "A": (".##.", "#..#", "####", "#..#", "#..#"),
    "B": ("###.", "#..#", "###.", "#..#", "###."),
    "C": (".###", "#...", "#...", "#...", ".###"),
    "D": ("###.", "#..#", "#..#", "#..#", "###."),
    "E": ("####", "#...", "###.", "#...", "####"),
    "G": (".###", "#...", "#.##", "#..#", ".###"),
    "H": ("#..#", "#..#", "####", "#..#", "#..#"),
    "I": (".##.", ".##.", ".##.", ".##.", ".##."),
    "O": (".##.", "#..#", "#..#", "#..#", ".##."),
    "P": ("###.", "#..#", "###.", "#...", "#..."),
    "S": (".###", "#...", ".##.", "...#", "###."),
    "T": ("####", ".##.", ".##.", ".##.", ".##."),
    "U": ("#..#", "#..#", "#..#", "#..#", ".##."),
    "Y": ("#..#", "#..#", ".##.", ".##.", ".##."),
}


def word_dots(text: str) -> NDArray[np.bool_]:
    """Gives the dots of a word, shape (5, 5 * letters - 1): letters are one empty column apart."""
    rows = [".".join(_ROWS[letter][row] for letter in text) for row in range(LETTER_HEIGHT)]
    return np.array([[dot == "#" for dot in row] for row in rows])


assert all(set(word) <= set(_ROWS) for word in WORDS)  # noqa: S101 (a slip of whoever adds a word)
