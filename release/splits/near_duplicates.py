"""Pairs of perceptual hashes that differ in few bits, without comparing all with all.

If two 64-bit hashes differ in at most d bits, then of d + 1 bands of bits at least one is the same
in both; so only hashes that share a band are compared.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]
"""Places of two hashes each, of shape (pairs, 2)."""

_BITS: Final = 64
_BITS_SET: Final = np.array([bin(value).count("1") for value in range(1 << 16)], dtype=np.uint8)


def near_pairs(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    """Yields pairs of places whose hashes differ in at most `distance` bits.

    Hashes are different from each other; a pair may come more than once.
    """
    for band in np.array_split(np.arange(_BITS), distance + 1):
        mask = sum(1 << int(bit) for bit in band)
        keys = hashes & np.uint64(mask)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for gap in range(1, len(hashes)):
            same = np.flatnonzero(keys[gap:] == keys[:-gap])
            if not len(same):
                break  # keys are sorted: no two further apart are the same either
            left, right = order[same], order[same + gap]
            near = differing_bits(hashes[left], hashes[right]) <= distance
            if near.any():
                yield np.column_stack([left[near], right[near]])


def differing_bits(first: Hashes, second: Hashes) -> npt.NDArray[np.int64]:
    """Returns how many bits differ between hashes, one by one."""
    words = (first ^ second).view(np.uint16).reshape(-1, 4)
    found: npt.NDArray[np.int64] = _BITS_SET[words].sum(axis=1, dtype=np.int64)
    return found


def parse_hashes(texts: list[str]) -> Hashes:
    """Returns hashes of 16 hexadecimal digits as numbers."""
    return np.array([int(text, 16) for text in texts], dtype=np.uint64)
