"""The tables of a release, counted from its rows when they are written and when they are verified.

Everything is counted in whole numbers and divided once at the end, so the order of the rows does
not matter, except that rows of one image and model come together.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.collect import control_rows
from alignbench.release.agreement.fleiss import FleissKappa, fleiss_kappa
from alignbench.release.columns.cells import Cell
from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.counting.prevalence import CONTROL_TABLE, Prevalence
from alignbench.schemas.vocabulary import HallucinationType, Verdict

COLUMNS: Final = (
    "model", "direction", "image_id", "sentence_index", "caption", "annotation", "error_type",
    "n_correct", "n_incorrect", "n_unknown", "in_control",
)  # fmt: skip
_LAST_POSITION: Final = 6
"""Positions from here on are counted together, as in the paper's figure."""


class ModelStatistics:
    """Counts over one model's sentences.

    Attributes:
        direction: Which side was generated.
        verdicts: Sentences by verdict.
        positions: Sentences by place in the text (1 is the first, 6 the sixth and all after it)
            and verdict.
        types: Incorrect sentences by error type; None for those without one.
        votes: Sentences by how many votes they have for each verdict; without those of an imported
            set that does not say.
        control_votes: The same for sentences of the control sample.
        words: White-space separated words of the sentences that are not unknown.
        images: Images that have such sentences.
    """

    def __init__(self, direction: str) -> None:
        self.direction = direction
        self.verdicts: Counter[str] = Counter()
        self.positions: Counter[tuple[int, str]] = Counter()
        self.types: Counter[str | None] = Counter()
        self.votes: Counter[tuple[int, int, int]] = Counter()
        self.control_votes: Counter[tuple[int, int, int]] = Counter()
        self.words = self.images = 0
        self._last_image: str | None = None

    @classmethod
    def of(cls, parts: Iterable[Self]) -> Self:
        """Returns the counts of one model's parts, one or more, that share no image."""
        first, *others = parts
        found = cls(first.direction)
        for part in (first, *others):
            found.verdicts += part.verdicts
            found.positions += part.positions
            found.types += part.types
            found.votes += part.votes
            found.control_votes += part.control_votes
            found.words += part.words
            found.images += part.images
        return found

    @property
    def sentences(self) -> int:
        """All sentences, the unknown ones included."""
        return self.verdicts.total()

    @property
    def known(self) -> int:
        """Sentences that are correct or incorrect."""
        return self.verdicts[Verdict.CORRECT] + self.verdicts[Verdict.INCORRECT]

    @property
    def vote_count(self) -> int:
        """All votes on all sentences."""
        return sum(sum(counts) * times for counts, times in self.votes.items())

    def add(self, rows: pa.Table) -> None:
        """Counts rows of this model; those of one image in one call or in calls that follow."""
        verdicts = rows.column("annotation").to_pylist()
        positions = rows.column("sentence_index").to_pylist()
        self.verdicts.update(verdicts)
        self.positions.update(
            (min(position + 1, _LAST_POSITION), verdict)
            for position, verdict in zip(positions, verdicts, strict=True)
        )
        wrong = rows.filter(pc.field("annotation") == Verdict.INCORRECT.value)
        self.types.update(wrong.column("error_type").to_pylist())
        self.votes.update(_vote_counts(rows))
        self.control_votes.update(_vote_counts(control_rows(rows)))
        known = rows.filter(pc.field("annotation") != Verdict.UNKNOWN.value)
        self.words += sum(len(caption.split()) for caption in known.column("caption").to_pylist())
        for image in known.column("image_id").to_pylist():
            self.images += image != self._last_image
            self._last_image = image

    def fleiss(self) -> FleissKappa:
        """Returns the agreement on verdicts of control sentences with two votes or more."""
        kinds = sorted(self.control_votes)
        counts = np.array(kinds, dtype=np.int64).reshape(-1, len(VERDICTS))
        times = np.array([self.control_votes[kind] for kind in kinds], dtype=np.int64)
        return fleiss_kappa(counts, times)


def _vote_counts(rows: pa.Table) -> list[tuple[int, int, int]]:
    counts = (rows.column(f"n_{verdict}").to_pylist() for verdict in VERDICTS)
    return [found for found in zip(*counts, strict=True) if None not in found]


class Statistics:
    """Counts over a release's rows, by split and model."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str], ModelStatistics] = {}
        self.prevalence = Prevalence()
        self.votes: Counter[tuple[str, str]] = Counter()
        """Votes and adjudications by split and purpose."""

    @property
    def models(self) -> dict[str, ModelStatistics]:
        """Counts by model, in order of their names."""
        names = sorted({model for _, model in self.parts})
        return {
            name: ModelStatistics.of(p for (_, model), p in self.parts.items() if model == name)
            for name in names
        }

    @property
    def splits(self) -> list[str]:
        """Splits that have rows, sorted."""
        return sorted({split for split, _ in self.parts})

    def add(self, rows: pa.Table, split: str) -> None:
        """Counts rows of `COLUMNS`, all of one model and split."""
        if not len(rows):
            return
        key = split, rows.column("model")[0].as_py()
        if key not in self.parts:
            self.parts[key] = ModelStatistics(rows.column("direction")[0].as_py())
        self.parts[key].add(rows)
        self.prevalence.add(rows)

    def add_votes(self, split: str, purposes: Mapping[str, int]) -> None:
        """Counts votes and adjudications on sentences of a split."""
        for purpose, number in purposes.items():
            self.votes[split, purpose] += number

    def tables(self) -> dict[str, list[tuple[Cell, ...]]]:
        """Returns the tables by name, each with a heading."""
        models = self.models
        return {
            "sentences_by_model": _sentences(models),
            "sentences_by_split": self._by_split(),
            "fleiss_by_model": _fleiss(models),
            "verdicts_by_position": _positions(models),
            "types_by_model": _types(models),
            **({CONTROL_TABLE: self.prevalence.rows()} if self.prevalence.is_partial else {}),
        }

    def _by_split(self) -> list[tuple[Cell, ...]]:
        rows: list[tuple[Cell, ...]] = [("split", "model", *SENTENCE_FIGURES, "unknown")]
        for (split, model), part in sorted(self.parts.items()):
            unknown = part.verdicts[Verdict.UNKNOWN]
            rows.append((split, model, *sentences_row([part]), unknown))
        return rows


SENTENCE_FIGURES: Final = (
    "sentences", "sentences_per_image", "positive_percent", "words_per_sentence",
)  # fmt: skip


def sentences_row(models: Iterable[ModelStatistics]) -> tuple[Cell, ...]:
    """Returns sentences, sentences per image, positive share in percent, words per sentence.

    As in the paper's table, unknown sentences are left out, and an image counts once per model.
    """
    parts = list(models)
    known = sum(part.known for part in parts)
    images = sum(part.images for part in parts)
    correct = sum(part.verdicts[Verdict.CORRECT] for part in parts)
    words = sum(part.words for part in parts)
    return known, _ratio(known, images), _ratio(100 * correct, known), _ratio(words, known)


def _sentences(models: dict[str, ModelStatistics]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("model", "direction", *SENTENCE_FIGURES, "unknown")]
    for model, part in sorted(models.items()):
        unknown = part.verdicts[Verdict.UNKNOWN]
        rows.append((model, part.direction, *sentences_row([part]), unknown))
    unknown = sum(part.verdicts[Verdict.UNKNOWN] for part in models.values())
    return [*rows, ("total", None, *sentences_row(models.values()), unknown)]


def _fleiss(models: dict[str, ModelStatistics]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("model", "N_items", "kappa", "P_bar", "P_e")]
    return rows + [(model, *part.fleiss()) for model, part in sorted(models.items())]


def _positions(models: dict[str, ModelStatistics]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("model", "position", *VERDICTS, "incorrect_percent")]
    for model, part in sorted(models.items()):
        for position in range(1, _LAST_POSITION + 1):
            counts = [part.positions[position, verdict] for verdict in VERDICTS]
            if sum(counts):
                name = f"{position}+" if position == _LAST_POSITION else str(position)
                share = _ratio(100 * counts[1], counts[0] + counts[1])
                rows.append((model, name, *counts, share))
    return rows


def _types(models: dict[str, ModelStatistics]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("model", *HallucinationType, "none")]
    for model, part in sorted(models.items()):
        counts = [part.types[kind] for kind in HallucinationType]
        rows.append((model, *counts, part.types[None]))
    return rows


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
