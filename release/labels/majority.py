"""The verdict that most votes gave; no Python per sentence."""

import numpy as np
import numpy.typing as npt

from alignbench.release.columns.verdict_counts import VERDICTS, Counts
from alignbench.schemas.vocabulary import Verdict


def majority(counts: Counts) -> npt.NDArray[np.int64]:
    """Returns each sentence's most frequent verdict as an index in `VERDICTS`; a tie is unknown."""
    best = counts.max(axis=1, keepdims=True)
    tied = (counts == best).sum(axis=1) > 1
    return np.where(tied, VERDICTS.index(Verdict.UNKNOWN), counts.argmax(axis=1))


def agreement_ratio(counts: Counts) -> npt.NDArray[np.float64]:
    """Returns the share of the most frequent verdict among each sentence's votes."""
    ratios: npt.NDArray[np.float64] = counts.max(axis=1) / counts.sum(axis=1)
    return ratios
