"""Texts that say nearly the same as one that is already there.

The measure is the resemblance of Broder (1997): of the runs of three words ("shingles") that two
texts have, the share that they have in common (Jaccard). Case, punctuation and spaces do not count.
"""

import re
from collections import Counter, defaultdict
from typing import Final

_SHINGLE_WORDS: Final = 3
_WORD: Final = re.compile(r"\w+")

Shingle = tuple[str, ...]


class NearDuplicates:
    """The texts that were kept, and which others resemble them.

    Args:
        threshold: The resemblance, above 0 up to 1, from which two texts count as the same.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._sizes: list[int] = []
        self._texts_with: defaultdict[Shingle, list[int]] = defaultdict(list)

    def keep(self, text: str) -> bool:
        """Keeps a text, unless one that was kept resembles it; tells whether it was kept."""
        found = shingles(text)
        if self._is_near_duplicate(found):
            return False
        for shingle in found:
            self._texts_with[shingle].append(len(self._sizes))
        self._sizes.append(len(found))
        return True

    def _is_near_duplicate(self, found: set[Shingle]) -> bool:
        common = Counter(
            number for shingle in found for number in self._texts_with.get(shingle, ())
        )
        return any(
            shared / (len(found) + self._sizes[number] - shared) >= self._threshold
            for number, shared in common.items()
        )


def shingles(text: str) -> set[Shingle]:
    """Returns the runs of three words of a text; the whole of a text with fewer."""
    words = _WORD.findall(text.casefold())
    last = max(1, len(words) - _SHINGLE_WORDS + 1)
    return {tuple(words[start : start + _SHINGLE_WORDS]) for start in range(last)}
