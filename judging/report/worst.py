"""Clusters that are answered worst, and those whose variants are answered most unlike."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alignbench.judging.report.results import Results
from alignbench.reporting.jackknife import Floats
from alignbench.reporting.tables import shown

MOST_CLUSTERS = 10
"""So many are shown of each sort."""


class WorstAnswer(NamedTuple):
    """A model's answer, with the score of each judge as text."""

    model: str
    text: str
    scores: Sequence[tuple[str, str]]


class WorstQuestion(NamedTuple):
    """A question of a cluster and all answers to it."""

    prompt: str
    answers: Sequence[WorstAnswer]


class WorstCluster(NamedTuple):
    """A cluster, and why it is shown."""

    cluster: str
    task: str
    why: str
    reference: str
    questions: Sequence[WorstQuestion]


def worst_clusters(results: Results) -> list[WorstCluster]:
    """Returns the clusters of lowest mean, then those of the largest spread within a model."""
    scores = np.stack(
        [
            results.judged(answerer, judge).score
            for judge in results.judges
            for answerer in results.seeing
        ]
        or [np.full(len(results.questions), np.nan)]
    )
    cluster = results.questions.cluster
    mean = np.full(results.questions.clusters, np.nan)
    spread = np.full(results.questions.clusters, np.nan)
    for number in range(results.questions.clusters):
        of_cluster = scores[:, cluster == number]
        if not np.isnan(of_cluster).all():
            mean[number] = np.nanmean(of_cluster)
        whole = [row[~np.isnan(row)] for row in of_cluster]
        variances = [row.var(ddof=1) for row in whole if len(row) > 1]
        if variances:
            spread[number] = np.sqrt(np.mean(variances))
    return [
        *_shown(results, mean, "mean score {:.2f}"),
        *_shown(results, -spread, "standard deviation within a model {:.2f}"),
    ]


def _shown(results: Results, value: Floats, why: str) -> list[WorstCluster]:
    """Returns the clusters of lowest value that have any; a spread of 0 is nothing to show."""
    order = np.argsort(value, kind="stable")[:MOST_CLUSTERS]
    return [
        _cluster(results, int(number), why.format(abs(value[number])))
        for number in order
        if not np.isnan(value[number]) and value[number] != 0
    ]


def _cluster(results: Results, number: int, why: str) -> WorstCluster:
    places = np.flatnonzero(results.questions.cluster == number)
    first = results.asked[int(places[0])].question
    questions = [
        WorstQuestion(
            results.asked[place].prompt,
            [
                WorstAnswer(
                    answerer.label,
                    text,
                    [(judge.name, _score(results.judged(answerer, judge).score[place]))
                     for judge in results.judges],
                )
                for answerer, answers in results.answers.items()
                if (text := answers.texts[place]) is not None
            ],
        )
        for place in map(int, places)
    ]  # fmt: skip
    return WorstCluster(first.cluster, first.task, why, first.reference, questions)


def _score(value: float) -> str:
    return shown(None if np.isnan(value) else float(value))
