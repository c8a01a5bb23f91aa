"""Agreement counted over a release: votes bucket by bucket, sums by model and image.

What is held is one row of sums for each image of each model, and one table for each pair of
annotators, whatever the number of votes.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.coefficients import contributions
from alignbench.release.agreement.pairs import PairTables
from alignbench.release.agreement.spans import KINDS, TERMS, span_terms
from alignbench.release.columns.joins import looked_up
from alignbench.release.columns.span_values import spans_of
from alignbench.release.columns.verdict_counts import VERDICTS, Counts
from alignbench.release.words import words
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.vocabulary import Verdict

Reals = npt.NDArray[np.float64]

SENTENCE_COLUMNS: Final = ("sentence_id", "model", "image_id", "caption", "in_control")
VOTE_COLUMNS: Final = ("sentence_id", "annotator", "verdict", "spans")


def control_rows(rows: pa.Table) -> pa.Table:
    """Returns the rows of the control sample; all where a release does not tell them apart."""
    return rows.filter(pc.fill_null(rows["in_control"], True))


class GroupSums:
    """Sums of terms by group (an image), in as much memory as there are groups."""

    def __init__(self, *shape: int) -> None:
        self._shape = shape
        self._places: dict[str, int] = {}
        self._sums: Reals = np.zeros((0, *shape))

    def add(self, group: str, terms: Reals) -> None:
        """Adds the terms of one item."""
        self.add_rows([group], terms[None])

    def add_rows(self, groups: Sequence[str], terms: Reals) -> None:
        """Adds the terms of items, a row each, in their order."""
        known = self._places
        places = np.array([known.setdefault(g, len(known)) for g in groups], dtype=np.int64)
        if len(known) > len(self._sums):
            more = np.zeros((max(64, len(known)), *self._shape))
            self._sums = np.concatenate([self._sums, more])
        np.add.at(self._sums, places, terms)

    def sums(self) -> tuple[list[str], Reals]:
        """Returns the groups in order of their names, and their sums."""
        groups = sorted(self._places)
        return groups, self._sums[[self._places[group] for group in groups]]


def merged(parts: list[GroupSums], *shape: int) -> GroupSums:
    """Returns the sums of several by group."""
    found = GroupSums(*shape)
    for part in parts:
        found.add_rows(*part.sums())
    return found


VERDICT_TERMS: Final = 2 * len(VERDICTS) + 4
KNOWN_TERMS: Final = VERDICT_TERMS - 2
"""Terms without the category *unknown*: its votes are missing then."""


class AgreementCounts:
    """Everything that the agreement tables of a release are made from.

    Only sentences of the control sample are counted: of the others, those whose first votes agree
    have no further one, so that agreement among all votes is too high.
    """

    def __init__(self, *, with_spans: bool = True) -> None:
        """Makes it empty; `with_spans` needs spaCy as soon as two annotators marked words."""
        self._with_spans = with_spans
        self.pairs = PairTables(len(VERDICTS))
        self.verdicts: defaultdict[str, GroupSums] = defaultdict(
            lambda: GroupSums(VERDICT_TERMS + KNOWN_TERMS)
        )
        self.spans: defaultdict[str, GroupSums] = defaultdict(lambda: GroupSums(len(KINDS), TERMS))

    @property
    def models(self) -> list[str]:
        """Models that have votes, sorted."""
        return sorted(self.verdicts)

    def add(self, sentences: pa.Table, votes: pa.Table) -> None:
        """Counts votes.

        Args:
            sentences: `SENTENCE_COLUMNS`, each sentence once.
            votes: `VOTE_COLUMNS`, all votes on these sentences, and none on others.
        """
        sentences = control_rows(sentences)
        ids_in_control = sentences["sentence_id"].combine_chunks()
        votes = votes.filter(pc.is_in(votes["sentence_id"], value_set=ids_in_control))
        order = [("sentence_id", "ascending"), ("annotator", "ascending")]
        votes = votes.select(list(VOTE_COLUMNS)).sort_by(order)
        if not len(votes):
            return
        ids = votes["sentence_id"].combine_chunks().dictionary_encode()
        items = ids.indices.to_numpy().astype(np.int64)
        rated = looked_up(pa.chunked_array([ids.dictionary]), sentences, "sentence_id")
        known = pa.array([verdict.value for verdict in VERDICTS])
        codes = pc.index_in(votes["verdict"], value_set=known).to_numpy().astype(np.int64)
        self._add_verdicts(rated, _counts(items, codes, len(rated)))
        annotators = np.array(votes["annotator"].to_pylist(), dtype=np.str_)
        models = np.array(rated["model"].to_pylist(), dtype=np.str_)[items]
        for model in np.unique(models):
            chosen = models == model
            self.pairs.add(str(model), items[chosen], annotators[chosen], codes[chosen])
        if self._with_spans:
            self._add_spans(rated, votes, items)

    def _add_verdicts(self, rated: pa.Table, counts: Counts) -> None:
        terms = np.concatenate([contributions(counts), contributions(counts[:, :-1])], axis=1)
        for model, places in _by_model(rated):
            images = rated["image_id"].take(pa.array(places)).to_pylist()
            self.verdicts[model].add_rows(images, terms[places])

    def _add_spans(self, rated: pa.Table, votes: pa.Table, items: npt.NDArray[np.int64]) -> None:
        says_so = pc.equal(votes["verdict"], Verdict.INCORRECT.value).to_numpy()
        several = np.bincount(items[says_so], minlength=len(rated)) >= 2
        names, images, texts = (
            rated[name].to_pylist() for name in ("model", "image_id", "caption")
        )
        for place, marked in _marked(votes, items, says_so & several[items]):
            terms = span_terms(words(texts[place]), marked)
            self.spans[names[place]].add(images[place], terms)


def _by_model(rated: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Yields each model with the places of its rows."""
    names = rated["model"].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy()
    for code, name in enumerate(names.dictionary.to_pylist()):
        yield name, np.flatnonzero(codes == code)


def _counts(items: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], sentences: int) -> Counts:
    width = len(VERDICTS)
    return np.bincount(items * width + codes, minlength=sentences * width).reshape(-1, width)


def _marked(
    votes: pa.Table, items: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, list[tuple[Span, ...]]]]:
    """Yields the place of each chosen sentence with the spans of the votes chosen on it."""
    places = items[chosen]
    spans = votes["spans"].filter(pa.array(chosen)).to_pylist()
    edges = [*np.flatnonzero(np.diff(places, prepend=-1)).tolist(), len(places)]
    for start, end in pairwise(edges):
        yield int(places[start]), [spans_of(found or []) for found in spans[start:end]]
