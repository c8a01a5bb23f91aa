"""What errors of the labels do to AUROC, and whether `confidence` says how sure a label is.

If errors do not depend on scores, a share of each class is sentences of the other one, and

    AUROC seen - 1/2 = (PPV + NPV - 1) (AUROC - 1/2)

with PPV the share of sentences labelled correct that are correct, and NPV the share of those
labelled incorrect that are incorrect. So no detector can be seen above (PPV + NPV) / 2.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from alignbench.evaluation.analyses.analysis import (
    COUNT,
    INTERVAL,
    NUMBER,
    TEXT,
    Analysis,
    table_of,
    with_interval,
)
from alignbench.evaluation.analyses.by_model import INTERVAL_METHOD, ModelAuroc
from alignbench.evaluation.analyses.calibration import Forecast, bin_rows, measures_of
from alignbench.evaluation.analyses.class_means import half_of_both
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.evaluation.statistics.arrays import Bools
from alignbench.evaluation.statistics.clustered import share_of, sums_by_image
from alignbench.reporting.jackknife import Estimate, combined
from alignbench.schemas.vocabulary import Verdict

PPV, NPV, CEILING = "PPV", "NPV", "ceiling of AUROC"
NO_GOLD: Final = (
    "The true verdict of no sentence is known: there is no gold in the release's workspace, and no "
    "file of it was given (--gold)."
)

_ERRORS: Final = {"measure": TEXT, "value": NUMBER, **INTERVAL, "sentences": COUNT}
_CORRECTED: Final = {
    "detector": TEXT,
    "auroc": NUMBER,
    "ceiling": NUMBER,
    "without_label_errors": NUMBER,
    **INTERVAL,
}
_CONFIDENCE: Final = {
    "confidence": TEXT,
    "mean_confidence": NUMBER,
    "right_share": NUMBER,
    **INTERVAL,
    "sentences": COUNT,
}


class _Checked(NamedTuple):
    """The sentences of a release whose true verdict is known.

    Attributes:
        known: Which sentences these are.
        right: Whether the label is the true verdict; of every sentence.
    """

    known: Bools
    right: Bools


def label_errors(
    sentences: Sentences,
    detectors: Sequence[Scored],
    aurocs: Sequence[ModelAuroc],
    gold: Mapping[str, Verdict],
) -> list[Analysis]:
    """Returns PPV, NPV and ceiling; AUROC without label errors; confidence by gold."""
    checked = _checked(sentences, gold)
    shares = [_share_right(sentences, checked, of) for of in (True, False)]
    ceiling = half_of_both(shares[1], shares[0])
    notes = () if checked.known.any() else (NO_GOLD,)
    rows = [
        with_interval({"measure": measure, "sentences": count}, "value", estimate)
        for measure, estimate, count in (
            (PPV, shares[0], int((checked.known & sentences.correct).sum())),
            (NPV, shares[1], int((checked.known & ~sentences.correct).sum())),
            (CEILING, ceiling, int(checked.known.sum())),
        )
    ]
    return [
        Analysis(
            "label_errors",
            "Errors of the labels",
            f"`{PPV}`: share of the sentences labelled correct whose true verdict, known from "
            f"gold, is correct; `{NPV}`: the same of incorrect ones. Their mean is the "
            f"`{CEILING}`: the highest that a perfect detector can be seen to have, if the labels' "
            "errors do not depend on its scores and the sentences with gold are like the others. "
            f"{INTERVAL_METHOD}",
            table_of(_ERRORS, rows),
            None,
            notes,
        ),
        Analysis(
            "auroc_without_label_errors",
            "AUROC without the labels' errors",
            "What a detector's AUROC over all sentences together would be if every label were "
            "right: 1/2 + (AUROC - 1/2) / (PPV + NPV - 1), under the same two conditions; above 1 "
            f"where they do not hold. {INTERVAL_METHOD}",
            table_of(_CORRECTED, [
                _corrected_row(detector.name, auroc.pooled, ceiling)
                for detector, auroc in zip(detectors, aurocs, strict=True)
            ]),
            None,
            notes,
        ),
        _confidence(sentences, checked),
    ]  # fmt: skip


def _checked(sentences: Sentences, gold: Mapping[str, Verdict]) -> _Checked:
    found = [gold.get(name) for name in sentences.table["sentence_id"].to_pylist()] if gold else []
    verdicts = np.array(
        [None if verdict is None else verdict.value for verdict in found], object
    ) if found else np.full(len(sentences), None, object)  # fmt: skip
    is_correct = verdicts == Verdict.CORRECT.value
    known = is_correct | (verdicts == Verdict.INCORRECT.value)
    return _Checked(known, is_correct == sentences.correct)


def _share_right(sentences: Sentences, checked: _Checked, correct: bool) -> Estimate:
    own = checked.known & (sentences.correct == correct)
    image, images = sentences.image.codes, len(sentences.image.names)
    label = (Verdict.CORRECT if correct else Verdict.INCORRECT).value
    return share_of(
        sums_by_image(image, own & checked.right, images),
        sums_by_image(image, own, images),
        f"images with gold labelled {label}",
    )


def _corrected_row(name: str, seen: Estimate, ceiling: Estimate) -> dict[str, Any]:
    known = not np.isnan(ceiling.value)
    columns = {"detector": name, "auroc": seen.value, "ceiling": ceiling.value if known else None}
    spread = 2 * ceiling.value - 1
    if not known or not spread > 0:
        why = "Labels that are right no more often than by chance say nothing." if known else None
        return with_interval({**columns, "why_null": why}, "without_label_errors", None)
    slopes = (1 / spread, -2 * (seen.value - 0.5) / spread**2)
    corrected = combined(
        [seen, ceiling], lambda one, two: 0.5 + (one - 0.5) / (2 * two - 1), slopes
    )
    return with_interval(columns, "without_label_errors", corrected)


def _confidence(sentences: Sentences, checked: _Checked) -> Analysis:
    rows = []
    forecast = _forecast(sentences, checked)
    if forecast is not None:
        for measure, value in measures_of(forecast):
            columns = {"confidence": measure, "sentences": len(forecast.correct)}
            rows.append(with_interval(columns, "right_share", value))
        rows += [
            {
                "confidence": "bin",
                "mean_confidence": row["mean_probability"],
                "right_share": row["correct_share"],
                **{name: row[name] for name in ("low", "high", "why_null", "sentences")},
            }
            for row in bin_rows(forecast)
        ]
    return Analysis(
        "confidence_calibration",
        "Confidence of the labels against gold",
        "Each bin's mean `confidence` beside the share of its labels that are the true verdict; "
        "before them, of the same sentences, the mean distance of the two (calibration error) and "
        "the Brier score of confidence and of the share of right labels.",
        table_of(_CONFIDENCE, rows),
        None,
        () if rows else ("No sentence has both a confidence and a known true verdict.",),
    )


def _forecast(sentences: Sentences, checked: _Checked) -> Forecast | None:
    if "confidence" not in sentences.table.column_names:
        return None
    confidence = sentences.table["confidence"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    own = checked.known & np.isfinite(confidence)
    if not own.any():
        return None
    images = len(sentences.image.names)
    return Forecast(confidence[own], checked.right[own], sentences.image.codes[own], images)
