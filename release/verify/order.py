"""Checks that look from one row to the next: the order of rows, and which split things are in."""

from collections.abc import Sequence
from typing import Any

from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Rule
from alignbench.release_format.layout import Shard
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.vocabulary import Direction


class OrderCheck:
    """Checks that the rows of each model and split are sorted over all its shards."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._last: dict[tuple[str, str], tuple[Any, ...]] = {}

    def check(self, batch: Batch, shard: Shard, findings: Findings) -> None:
        """Checks a batch; batches come in the order of their files and rows."""
        series = shard.model, shard.split
        last = self._last.get(series)
        columns = (batch.rows.column(name).to_pylist() for name in self._columns)
        for row, key in enumerate(zip(*columns, strict=True)):
            if last is not None and key < last:
                text = f"rows are not sorted by {', '.join(self._columns)}"
                findings.add(batch.file, Rule.ORDER, text, batch.first + row)
            last = key
        if last is not None:
            self._last[series] = last


class SplitCheck:
    """Checks that no image and no prompt is in two splits; holds their ids."""

    def __init__(self) -> None:
        self._splits: dict[str, str] = {}

    def check(self, batch: Batch, shard: Shard, findings: Findings) -> None:
        """Checks a batch of a data shard."""
        columns = (batch.rows.column(name) for name in ("image_id", "direction", "full_caption"))
        known = None
        for row, subject in enumerate(
            zip(*(column.to_pylist() for column in columns), strict=True)
        ):
            if subject == known:
                continue
            known = subject
            image_id, direction, text = subject
            things = {"image": f"image {image_id}"}
            if direction == Direction.T2I:
                things["prompt"] = f"prompt {text_sha256(text)}"
            for kind, thing in things.items():
                split = self._splits.setdefault(thing, shard.split)
                if split != shard.split:
                    found = f"its {kind} is in split {split} too"
                    findings.add(batch.file, Rule.SPLIT, found, batch.first + row)
