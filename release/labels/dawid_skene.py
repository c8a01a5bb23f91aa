"""Verdicts by Dawid and Skene's model: annotators have error rates of their own, found with them.

Source: A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using
the EM algorithm", Applied Statistics 28(1), 1979; the implementation is crowd-kit's.

The model is of all votes at once, so three numbers a vote are held in memory.
"""

import warnings
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.votes.votes import SentenceBucket, raters
from alignbench.schemas.errors import MissingExtraError

_ITERATIONS: Final = 100
_TOLERANCE: Final = 1e-5


class Posteriors(NamedTuple):
    """Probabilities of the verdicts of sentences, of shape (sentences, 3) as `VERDICTS`."""

    sentence_ids: pa.Array
    probabilities: npt.NDArray[np.float64]


def posteriors(votes: Iterable[SentenceBucket]) -> Posteriors:
    """Returns the probabilities of all sentences that have votes.

    Raises:
        MissingExtraError: crowd-kit is not installed.
    """
    model = _model()
    columns = ("sentence_id", "annotator", "verdict")
    tables = [rated(bucket.votes) for bucket in votes]
    if not tables:
        return Posteriors(pa.array([], pa.string()), np.zeros((0, len(VERDICTS))))
    table = pa.concat_tables(tables)
    sentences, annotators, verdicts = (
        table[name].combine_chunks().dictionary_encode() for name in columns
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pandas, about crowd-kit's code
        model.fit(_frame(sentences, annotators, verdicts))
    found = model.probas_.reindex(index=range(len(sentences.dictionary)))
    names = [str(name) for name in verdicts.dictionary.to_pylist()]
    probabilities = np.zeros((len(found), len(VERDICTS)))
    for place, verdict in enumerate(VERDICTS):
        if verdict.value in names:
            probabilities[:, place] = found[names.index(verdict.value)].to_numpy()
    return Posteriors(sentences.dictionary, probabilities)


def rated(votes: pa.Table) -> pa.Table:
    """Returns sentence, rater and verdict of votes, the rater under the name `annotator`."""
    names = ["sentence_id", "annotator", "verdict"]
    return pa.table([votes["sentence_id"], raters(votes), votes["verdict"]], names)


def _frame(*columns: pa.DictionaryArray) -> Any:
    """Returns the votes as crowd-kit takes them, numbers instead of names."""
    import pandas

    names = ("task", "worker", "label")
    codes = [column.indices.to_numpy().astype(np.int64) for column in columns]
    return pandas.DataFrame(dict(zip(names, codes, strict=True)))


def _model() -> Any:
    try:
        from crowdkit.aggregation.classification.dawid_skene import DawidSkene
    except ModuleNotFoundError:
        raise MissingExtraError(
            "Labels by 'dawid-skene' need the package 'crowd-kit', which is not installed.",
            "Install it: pip install 'alignbench[labels]'.",
        ) from None
    return DawidSkene(n_iter=_ITERATIONS, tol=_TOLERANCE)
