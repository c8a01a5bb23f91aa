"""Pearson's r of items that stand together on images, with a jackknife; of ranks it is rho."""

import numpy as np

from alignbench.evaluation.statistics.arrays import Bools, Floats, Ints
from alignbench.evaluation.statistics.clustered import IMAGES, sums_by_image
from alignbench.reporting.jackknife import Estimate, Sample


def pearson(one: Floats, other: Floats, image: Ints, images: int) -> Estimate:
    """Returns the correlation of two columns; NaN where one of them does not vary.

    Args:
        one: A value of each item.
        other: Another value of each.
        image: Number of the image of each.
        images: How many images there are.
    """
    if len(one) < 2:
        return Estimate.unknown(images)
    # Centred and scaled first, so that sums of squares lose no digits.
    x, y = (_standard(values) for values in (one, other))
    of_image = np.array([
        sums_by_image(image, values, images)
        for values in (np.ones(len(x)), x, y, x * x, y * y, x * y)
    ])  # fmt: skip
    total = of_image.sum(axis=1)
    value = float(_r(total))
    left_out = _r(total[:, None] - of_image)
    there: Bools = of_image[0] > 0
    moved = np.where(there & np.isfinite(left_out), value - left_out, 0.0)
    pull = np.where(there, moved - moved[there].mean(), 0.0) if there.any() else moved
    return Estimate(value, left_out, (Sample(pull, there, IMAGES),))


def _standard(values: Floats) -> Floats:
    spread = values.std()
    return np.zeros(len(values)) if spread == 0 else (values - values.mean()) / spread


def _r(sums: Floats) -> Floats:
    count, x, y, xx, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.maximum(count * xx - x * x, 0) * np.maximum(count * yy - y * y, 0))
        return np.where(spread > 1e-12, (count * xy - x * y) / spread, np.nan)
