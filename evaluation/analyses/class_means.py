"""The mean of a share among correct sentences and one among incorrect ones."""

import numpy as np

from alignbench.reporting.jackknife import Estimate, Sample


def half_of_both(incorrect: Estimate, correct: Estimate) -> Estimate:
    """Returns the mean of two shares, each of which is a sample of its own; NaN if one is.

    The samples stand in the order of those of an AUROC, so that the two can be combined.
    """
    if np.isnan(incorrect.value) or np.isnan(correct.value):
        return Estimate.unknown(len(incorrect.left_out))
    samples = tuple(
        Sample(share.samples[0].influence / 2, share.samples[0].there, share.samples[0].what)
        for share in (correct, incorrect)
    )
    # Without the only image of a class its share is not defined, and no interval will be given.
    left_out = (incorrect.left_out + correct.left_out) / 2
    value = (incorrect.value + correct.value) / 2
    return Estimate(value, left_out, samples, is_share=True)
