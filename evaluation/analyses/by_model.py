"""AUROC for each generating model, their unweighted mean, and pooled; with intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alignbench.evaluation.analyses.analysis import (
    CLASS_IMAGES,
    COUNT,
    FLAG,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    Dots,
    class_images,
    table_of,
    with_interval,
)
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools, Floats
from alignbench.evaluation.statistics.clustered import pair_sums, ranks_of
from alignbench.reporting.jackknife import Estimate, mean

MEAN, POOLED = "mean of models", "all sentences pooled"
OWN_MEAN = "mean of its own models"

_SCHEMA = {
    "detector": TEXT,
    "model": TEXT,
    "self": FLAG,
    "correct": COUNT,
    "incorrect": COUNT,
    **CLASS_IMAGES,
    "auroc": NUMBER,
    **INTERVAL,
    "models": TEXT,
}


class ModelAuroc(NamedTuple):
    """A detector's AUROC on a release.

    Attributes:
        of_models: For each generating model; NaN where one class is missing.
        pooled: Over all sentences together.
    """

    of_models: tuple[Estimate, ...]
    pooled: Estimate

    @property
    def values(self) -> Floats:
        """The figures of the models."""
        return np.array([estimate.value for estimate in self.of_models])

    @property
    def known(self) -> Bools:
        """For which models there is a figure."""
        return np.isfinite(self.values)

    def mean(self, models: Bools | None = None) -> Estimate:
        """Returns the unweighted mean over models that all have a figure.

        Args:
            models: Which; by default those that have one. NaN if that is none.
        """
        chosen = self.known if models is None else models
        if not chosen.any():
            return Estimate.unknown(len(self.pooled.left_out))
        return mean([self.of_models[code] for code in np.flatnonzero(chosen)])


def model_auroc(sentences: Sentences, scores: Floats, among: Bools | None = None) -> ModelAuroc:
    """Returns the AUROC of scores, over the sentences that have one.

    Args:
        sentences: What the scores are of.
        scores: One for each sentence; NaN is left out.
        among: Further restricts the sentences.
    """
    kept = np.isfinite(scores) if among is None else np.isfinite(scores) & among
    rank = ranks_of(scores)

    def auroc(chosen: Bools) -> Estimate:
        return pair_sums(
            rank[chosen],
            sentences.correct[chosen],
            sentences.image.codes[chosen],
            len(sentences.image.names),
        ).estimate()

    models = range(len(sentences.model.names))
    of_models = tuple(auroc(kept & (sentences.model.codes == code)) for code in models)
    return ModelAuroc(of_models, auroc(kept))


def common_models(aurocs: Sequence[ModelAuroc]) -> Bools:
    """Returns for which models every detector has a figure: they are compared on those alone."""
    return np.asarray(np.all([found.known for found in aurocs], axis=0))


def by_model(
    sentences: Sentences, detectors: Sequence[Scored], aurocs: Sequence[ModelAuroc | None]
) -> Analysis:
    """Returns the table of AUROC; `aurocs` is that of each detector, None without a result."""
    found = [auroc for auroc in aurocs if auroc is not None]
    common = common_models(found) if found else np.zeros(len(sentences.model.names), bool)
    rows = []
    for detector, auroc in zip(detectors, aurocs, strict=True):
        rows += _rows(sentences, detector, auroc, common)
    notes = {f"{r['model']}: {r['why_null']}" for r in rows if _is_of_model(r)}
    if found and any(not np.array_equal(common, auroc.known) for auroc in found):
        left = [name for name, is_common in zip(sentences.model.names, common, strict=True)
                if not is_common]  # fmt: skip
        notes.add(
            f"Not every detector has a figure for {', '.join(left)}: the mean, by which detectors "
            f"are compared, is over the other models; '{OWN_MEAN}' is over all that one has."
        )
    return Analysis(
        "auroc_by_model",
        "AUROC by generating model",
        "AUROC of correct against incorrect sentences (0.5 is chance), for each generating model "
        "by itself, as in AlignBench; their unweighted mean over the models for which every "
        "detector has a figure, which `models` names; and over all sentences together. `self` "
        "marks a detector on captions of its own family. `correct_images` and `incorrect_images` "
        f"count the images that hold such sentences. {INTERVAL_METHOD}",
        table_of(_SCHEMA, rows),
        Dots("model", "detector", "auroc", "AUROC", 0.5),
        tuple(sorted(notes)),
    )


INTERVAL_METHOD = (
    "Intervals are 95 %, by leaving out one image at a time, with Student's t; of AUROC on the "
    "scale of its logit. Null, with the reason, where they could not be trusted."
)


def _rows(
    sentences: Sentences, detector: Scored, found: ModelAuroc | None, common: Bools
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    there = detector.there
    for code, name in enumerate(sentences.model.names):
        own = there & (sentences.model.codes == code)
        is_self = sentences.families[name] == detector.family
        estimate = None if found is None else found.of_models[code]
        rows.append(_row(sentences, detector, name, own, estimate, {"self": is_self}))
    means = [(MEAN, common)]
    if found is not None and not np.array_equal(found.known, common):
        means.append((OWN_MEAN, found.known))
    for name, models in means:
        estimate = None if found is None else found.mean(models)
        among = there & models[sentences.model.codes]
        named = ", ".join(np.array(sentences.model.names, object)[models])
        rows.append(_row(sentences, detector, name, among, estimate, {"models": named}))
    pooled = None if found is None else found.pooled
    return [*rows, _row(sentences, detector, POOLED, there, pooled, {})]


def _row(
    sentences: Sentences,
    detector: Scored,
    name: str,
    kept: Bools,
    estimate: Estimate | None,
    more: dict[str, object],
) -> dict[str, object]:
    correct = int(sentences.correct[kept].sum())
    incorrect = int(kept.sum()) - correct
    columns = {
        "detector": detector.name,
        "model": name,
        "correct": correct,
        "incorrect": incorrect,
        **class_images(estimate),
        "why_null": detector.says_nothing or _why_null(correct, incorrect),
        **more,
    }
    return with_interval(columns, "auroc", estimate)


def _why_null(correct: int, incorrect: int) -> str | None:
    if correct and incorrect:
        return None
    missing = "incorrect" if correct else "correct" if incorrect else "scored"
    return f"It has no {missing} sentence."


def _is_of_model(row: dict[str, object]) -> bool:
    return row.get("self") is not None and str(row["why_null"]).startswith("It has no ")
