"""How votes become a verdict with a confidence, by the name of the method."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alignbench.release.columns.verdict_counts import VERDICTS, Counts
from alignbench.release.labels.dawid_skene import Posteriors, posteriors, rated
from alignbench.release.labels.majority import agreement_ratio, majority
from alignbench.release.labels.smoothed import VoteArrays, smoothed_posteriors
from alignbench.release.votes.votes import SentenceBucket
from alignbench.schemas.vocabulary import LabelMethod, Verdict

_TIED: Final = 1e-9


class Decision(NamedTuple):
    """Verdicts of sentences, as indices in `VERDICTS`, and how sure each is, from 0 to 1."""

    verdicts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]


Decide = Callable[[pa.Array, Counts], Decision]
"""Decides on sentences, given their ids and their votes by verdict."""


def deciding_by(method: LabelMethod, votes: Iterable[SentenceBucket]) -> Decide:
    """Returns the function that decides; it may read all votes once beforehand.

    Raises:
        MissingExtraError: The method needs a package that is not installed.
    """
    match method:
        case LabelMethod.MAJORITY:
            return by_majority
        case LabelMethod.DAWID_SKENE:
            return by_probabilities(*posteriors(votes))
        case LabelMethod.SMOOTHED_DAWID_SKENE:
            return by_probabilities(*smoothed(votes))


def by_majority(_: pa.Array, counts: Counts) -> Decision:
    """The most frequent verdict, a tie is unknown; as sure as its share of the votes."""
    return Decision(majority(counts), agreement_ratio(counts))


def by_probabilities(sentences: pa.Array, probabilities: npt.NDArray[np.float64]) -> Decide:
    """The most probable verdict given everybody's votes, a tie is unknown; as sure as that."""

    def decide(sentence_ids: pa.Array, _: Counts) -> Decision:
        places = pa.compute.index_in(sentence_ids, value_set=sentences).to_numpy()
        found = probabilities[places]
        best = found.max(axis=1)
        tied = (found > best[:, None] - _TIED).sum(axis=1) > 1
        verdicts = np.where(tied, VERDICTS.index(Verdict.UNKNOWN), found.argmax(axis=1))
        return Decision(verdicts, best)

    return decide


def smoothed(votes: Iterable[SentenceBucket]) -> Posteriors:
    """Returns the probabilities of all sentences that have votes, with smoothed error rates."""
    columns = ("sentence_id", "annotator", "verdict")
    tables = [rated(bucket.votes) for bucket in votes]
    if not tables:
        return Posteriors(pa.array([], pa.string()), np.zeros((0, len(VERDICTS))))
    table = pa.concat_tables(tables)
    sentences, annotators = (
        table[name].combine_chunks().dictionary_encode() for name in columns[:2]
    )
    known = pa.array([verdict.value for verdict in VERDICTS])
    given = pa.compute.index_in(table["verdict"], value_set=known)
    arrays = VoteArrays(
        sentences.indices.to_numpy().astype(np.int64),
        annotators.indices.to_numpy().astype(np.int64),
        given.to_numpy().astype(np.int64),
    )
    found = smoothed_posteriors(arrays, len(sentences.dictionary), len(annotators.dictionary))
    return Posteriors(sentences.dictionary, found)
