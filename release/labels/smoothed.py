"""Dawid and Skene's model with smoothed error rates: usable with two votes a sentence.

Source of the model: A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer
error-rates using the EM algorithm", Applied Statistics 28(1), 1979. Its estimates of somebody who
gave few answers, or of a verdict that is rare, run to 0 and 1, and a posterior with them. Here
every row of an annotator's error matrix has pseudo-votes of a usual annotator in it (a Dirichlet
prior), so that one person's word is never proof. No package at hand smooths in every step.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.columns.verdict_counts import VERDICTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ITERATIONS: Final = 200
TOLERANCE: Final = 1e-6
USUAL_ACCURACY: Final = 0.8
"""How often a usual annotator is right, before anything is known."""
PSEUDO_VOTES: Final = 8.0
"""How many votes that expectation weighs, in each row of an error matrix."""


class VoteArrays(NamedTuple):
    """Votes as numbers: of which sentence, by whom, and which of `VERDICTS`; equally long."""

    sentences: Ints
    annotators: Ints
    verdicts: Ints


class SmoothedFit(NamedTuple):
    """What the votes come to.

    Attributes:
        beliefs: The probabilities of the verdicts of each sentence, of shape (sentences, 3).
        log_prevalence: Logarithm of how common each verdict is, of shape (3,).
        log_likelihood: Logarithm of how likely a vote is under each true verdict, of shape
            (annotators, given verdict, true verdict).
    """

    beliefs: Floats
    log_prevalence: Floats
    log_likelihood: Floats


def smoothed_posteriors(votes: VoteArrays, sentences: int, annotators: int) -> Floats:
    """Returns the probabilities of the verdicts of each sentence; see `smoothed_fit`."""
    return smoothed_fit(votes, sentences, annotators).beliefs


def smoothed_fit(votes: VoteArrays, sentences: int, annotators: int) -> SmoothedFit:
    """Fits the model to votes.

    Args:
        votes: The votes.
        sentences: How many sentences there are; one without a vote gets the prevalences.
        annotators: How many annotators there are.
    """
    classes = len(VERDICTS)
    weight = np.zeros((sentences, classes))
    np.add.at(weight, (votes.sentences, votes.verdicts), 1.0)
    weight += 1 / classes
    beliefs: Floats = weight / weight.sum(axis=1, keepdims=True)
    pseudo = np.full((classes, classes), PSEUDO_VOTES * (1 - USUAL_ACCURACY) / (classes - 1))
    np.fill_diagonal(pseudo, PSEUDO_VOTES * USUAL_ACCURACY)
    cells = votes.annotators * classes + votes.verdicts
    log_prevalence: Floats = np.log(np.full(classes, 1 / classes))
    log_likelihood: Floats = np.zeros((annotators, classes, classes))
    for _ in range(ITERATIONS):
        prevalence = (beliefs.sum(axis=0) + 1) / (len(beliefs) + classes)
        errors = _error_matrices(beliefs, votes, cells, annotators) + pseudo[None]
        errors /= errors.sum(axis=2, keepdims=True)
        log_prevalence = np.log(prevalence)
        log_likelihood = np.log(errors).transpose(0, 2, 1)
        likelihood = log_likelihood.reshape(-1, classes)[cells]
        logs = np.tile(log_prevalence, (sentences, 1))
        for place in range(classes):
            logs[:, place] += np.bincount(votes.sentences, likelihood[:, place], sentences)
        logs -= logs.max(axis=1, keepdims=True)
        fresh: Floats = np.exp(logs)
        fresh /= fresh.sum(axis=1, keepdims=True)
        moved = float(np.abs(fresh - beliefs).max(initial=0.0))
        beliefs = fresh
        if moved < TOLERANCE:
            break
    return SmoothedFit(beliefs, log_prevalence, log_likelihood)


def _error_matrices(beliefs: Floats, votes: VoteArrays, cells: Ints, annotators: int) -> Floats:
    """Returns how often each annotator gave each verdict, by what is believed to be true."""
    classes = beliefs.shape[1]
    counts = np.zeros((annotators * classes, classes))
    for place in range(classes):
        counts[:, place] = np.bincount(cells, beliefs[votes.sentences, place], annotators * classes)
    return counts.reshape(annotators, classes, classes).transpose(0, 2, 1)
