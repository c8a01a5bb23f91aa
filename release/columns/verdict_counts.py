"""Votes counted by verdict; no Python per sentence."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.vocabulary import Verdict

Counts = npt.NDArray[np.int64]
"""Votes per item and category, of shape (items, categories)."""

VERDICTS: Final = (Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN)
"""Order of the columns of verdict counts."""


class VerdictCounts(NamedTuple):
    """How many votes each sentence got for each verdict.

    Attributes:
        sentence_ids: Sentences that have votes, each once, in the order of the votes.
        counts: Shape (sentences, 3), columns in the order of `VERDICTS`.
    """

    sentence_ids: pa.Array
    counts: Counts


def count_verdicts(votes: pa.Table) -> VerdictCounts:
    """Counts votes by sentence and verdict, from the columns `sentence_id` and `verdict`."""
    sentences = votes.column("sentence_id").combine_chunks().dictionary_encode()
    known = pa.array([verdict.value for verdict in VERDICTS])
    verdicts = pc.index_in(votes.column("verdict"), value_set=known).to_numpy()
    places = sentences.indices.to_numpy().astype(np.int64) * len(VERDICTS) + verdicts
    width = len(sentences.dictionary) * len(VERDICTS)
    counts = np.bincount(places, minlength=width).reshape(-1, len(VERDICTS))
    return VerdictCounts(sentences.dictionary, counts.astype(np.int64))
