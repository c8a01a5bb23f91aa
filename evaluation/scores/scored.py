"""What analyses work on: a release's sentences as NumPy columns, and detectors' scores of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import ranks_of
from alignbench.schemas.vocabulary import ScoreStatus, Verdict


class Coded(NamedTuple):
    """A column of names as numbers.

    Attributes:
        names: The different names, sorted.
        codes: For each row the place of its name; -1 where it has none.
    """

    names: tuple[str, ...]
    codes: Ints

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Self:
        """Returns a column of strings so."""
        names = sorted(name for name in pc.unique(column).to_pylist() if name is not None)
        codes = pc.fill_null(pc.index_in(column, pa.array(names, pa.string())), -1)
        return cls(tuple(names), codes.to_numpy().astype(np.int64))


@dataclass(frozen=True)
class Sentences:
    """The sentences of a release that are known to be correct or incorrect.

    Attributes:
        table: Their rows, as `ReleaseReader.sentences` gives them.
        model: Which generating model's they are.
        image: Which image they are about.
        correct: Whether they are correct.
        position: Place in the text, from 0.
        error_type: Hallucination type of the incorrect ones.
        domain: What the image is of.
        families: Family of each generating model.
        notes: What the report is to say of how they were come by.
        import_kind: Which published set they were imported from, if they were.
    """

    table: pa.Table
    model: Coded
    image: Coded
    correct: Bools
    position: Ints
    error_type: Coded
    domain: Coded
    families: Mapping[str, str]
    notes: Sequence[str] = ()
    import_kind: str | None = None

    @classmethod
    def of(
        cls,
        table: pa.Table,
        families: Mapping[str, str] | None = None,
        notes: Sequence[str] = (),
        import_kind: str | None = None,
    ) -> Self:
        """Returns the rows of a release so; a model without a family is one of its own."""
        verdict = table["annotation"].to_numpy(zero_copy_only=False)
        model = Coded.of(table["model"])
        given = families or {}
        return cls(
            table=table,
            model=model,
            image=Coded.of(table["image_id"]),
            correct=verdict == Verdict.CORRECT.value,
            position=table["sentence_index"].to_numpy().astype(np.int64),
            error_type=Coded.of(table["error_type"]),
            domain=Coded.of(table["domain"]),
            families={name: given.get(name, name) for name in model.names},
            notes=notes,
            import_kind=import_kind,
        )

    def __len__(self) -> int:
        return len(self.correct)


class Running(NamedTuple):
    """How a detector was asked, and what that took.

    Attributes:
        model: What it is apart from its prompt, as an id; None if it is asked nothing.
        seconds: Mean time of a sentence; None if nothing was run.
        dollars: What a thousand sentences cost; None if there is no price.
        priced_by: What the cost was reckoned from.
    """

    model: str | None = None
    seconds: float | None = None
    dollars: float | None = None
    priced_by: str | None = None


@dataclass(frozen=True)
class Scored:
    """One detector's scores of a release's sentences.

    Attributes:
        name: The detector's name.
        family: Its family.
        scores: One for each sentence; NaN where it has no usable one.
        status: What came of each sentence; empty where it was never tried.
        reasons: Why there is no score, of those without one.
        words: Scores of words, `row`, `start`, `end`, `score`; None if the detector gives none.
        word_threshold: The score below which a word counts as wrong, if it has one.
        running: How it was asked, and what that took.
    """

    name: str
    family: str
    scores: Floats
    status: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    words: pa.Table | None = None
    word_threshold: float | None = None
    running: Running = field(default_factory=Running)

    @cached_property
    def there(self) -> Bools:
        """Where there is a usable score."""
        return np.isfinite(self.scores)

    @cached_property
    def rank(self) -> Ints:
        """The rank of each score, as `ranks_of` gives it; what has none stands last."""
        return ranks_of(self.scores)

    @cached_property
    def says_nothing(self) -> str | None:
        """Why no result can be had of these scores; None if one can."""
        found = self.scores[self.there]
        if not len(found):
            return "It has no usable score of any sentence."
        if np.all(found == found[0]):
            return f"It gives the same score, {found[0]:g}, to every sentence."
        return None


def join_scores(
    sentences: Sentences,
    rows: pa.Table,
    name: str,
    family: str,
    word_threshold: float | None = None,
) -> Scored:
    """Puts a detector's rows of the table of scores to the sentences that they are of.

    Args:
        sentences: Those that are evaluated.
        rows: With `sentence_id`, `score`, `words`, `status`, `note`.
        name: The detector's name.
        family: Its family.
        word_threshold: The score below which a word counts as wrong.
    """
    place = pc.index_in(sentences.table["sentence_id"], rows["sentence_id"].combine_chunks())
    usable = pc.is_in(rows["status"], pa.array([ScoreStatus.SCORED, ScoreStatus.WINDOWED]))
    score = pc.if_else(usable, rows["score"], pa.scalar(None, pa.float64()))
    found = pc.fill_null(pc.take(score, place), float("nan"))
    status = pc.fill_null(pc.take(rows["status"], place), "")
    lost = pc.is_in(status, pa.array([ScoreStatus.FAILED, ScoreStatus.INVALID]))
    reasons = pc.take(rows["note"], place).filter(lost)
    return Scored(
        name=name,
        family=family,
        scores=found.to_numpy(zero_copy_only=False).astype(np.float64),
        status=tuple(status.to_pylist()),
        reasons=tuple(reason for reason in reasons.to_pylist() if reason),
        words=_words(pc.take(rows["words"], place)),
        word_threshold=word_threshold,
    )


def _words(words: pa.ChunkedArray) -> pa.Table | None:
    lists = words.combine_chunks()
    flat = lists.flatten()
    if not len(flat):
        return None
    columns = {name: flat.field(name) for name in ("start", "end", "score")}
    return pa.table({"row": pc.list_parent_indices(lists), **columns})
