"""Are near-duplicates in one split? By the perceptual hashes that the rows have."""

import re
from typing import Final, NamedTuple

import numpy as np

from alignbench.release.splits.near_duplicates import near_pairs, parse_hashes
from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.layout import Shard

_HASH: Final = re.compile(r"[0-9a-f]{16}")


class _Place(NamedTuple):
    file: str
    row: int
    split: str


class NearDuplicateCheck:
    """Takes the rows of all data shards; holds a place for each hash and split."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], _Place] = {}

    def add(self, batch: Batch, shard: Shard) -> None:
        """Takes a batch of a data shard."""
        hashes = batch.rows.column("perceptual_hash").to_pylist()
        for row, found in enumerate(hashes):
            if found is not None and _HASH.fullmatch(found):
                place = _Place(batch.file, batch.first + row, shard.split)
                self._places.setdefault((found, shard.split), place)

    def check(self, distance: int, findings: Findings) -> None:
        """Checks all hashes that were taken.

        Args:
            distance: How many bits near-duplicates differ in at most.
            findings: Takes what is wrong.
        """
        if len({split for _, split in self._places}) < 2:
            return
        splits_of: dict[str, list[_Place]] = {}
        for (found, _), place in self._places.items():
            splits_of.setdefault(found, []).append(place)
        names = sorted(splits_of)
        for places in splits_of.values():
            _report(places, findings)
        for pairs in near_pairs(parse_hashes(names), distance):
            for one, other in np.unique(pairs, axis=0).tolist():
                _report([splits_of[names[one]][0], splits_of[names[other]][0]], findings)


def _report(places: list[_Place], findings: Findings) -> None:
    first, *others = sorted(places)
    for place in others:
        if place.split != first.split:
            text = f"its image is a near-duplicate of one in split {first.split}: {first.file}"
            findings.add(place.file, Rule.SPLIT, f"{text}, row {first.row}", place.row)
