"""A figure on both pages over the same sentences, and their difference with its interval.

Every sentence counts alike, however many votes it has on either page, and images are what is left
out for an interval (`reporting.jackknife`), since an image's sentences are not independent.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.annotation.unit_comparison.sentence_figures import Pair
from alignbench.reporting.jackknife import (
    FEWEST_CLUSTERS,
    Estimate,
    Interval,
    quotient,
    ratio_of_sums,
)

Reals = npt.NDArray[np.float64]

_IMAGES: Final = "images that were asked about both ways"
_TWO_SIDED: Final = 1.959964
_POWER: Final = 0.841621
"""Normal quantiles: an interval of 95 %, and a chance of 80 %."""


class PairedFigure(NamedTuple):
    """A figure on both pages.

    Attributes:
        sentences: How many sentences it rests on.
        images: And how many images.
        alone: The figure of sentences asked about alone; NaN of none.
        in_caption: That of sentences in their caption.
        difference: `in_caption` less `alone`.
        interval: Of the difference.
        standard_error: Of the difference; NaN where it has none.
    """

    sentences: int
    images: int
    alone: float
    in_caption: float
    difference: float
    interval: Interval
    standard_error: float

    def images_needed(self, margin: float) -> int | None:
        """Returns how many images show that nothing differs by the margin, if nothing differs.

        They do so with a chance of 80 %. None where this data does not tell.
        """
        if not self.standard_error > 0:
            return None
        wanted = margin / (_TWO_SIDED + _POWER)
        return math.ceil(self.images * (self.standard_error / wanted) ** 2)


def paired_mean(found: Sequence[tuple[str, Pair]], *, is_share: bool) -> PairedFigure:
    """Returns the mean over sentences.

    Args:
        found: By sentence, its image and what is so of it.
        is_share: Whether each lies between 0 and 1.
    """
    sums = _by_image(found)
    count = sums[:, 2]
    means = [ratio_of_sums(sums[:, page], count, _IMAGES, is_share=False) for page in range(2)]
    apart = ratio_of_sums(sums[:, 1] - sums[:, 0], count, _IMAGES, is_share=False)
    figure = _figure(len(found), means, apart)
    if is_share and len(sums) >= FEWEST_CLUSTERS and not (sums[:, 0] != sums[:, 1]).any():
        return figure._replace(interval=_of_no_difference(len(sums)))
    return figure


def paired_quotient(
    over: Sequence[tuple[str, Pair]], under: Sequence[tuple[str, Pair]]
) -> PairedFigure:
    """Returns the quotient of two sums over the same sentences, such as seconds by right answers.

    Args:
        over: By sentence, its image and what is summed above.
        under: Likewise, of the same sentences in the same order, what is summed below.
    """
    upper, lower = _by_image(over), _by_image(under)
    pages = []
    for page in range(2):
        means = [
            ratio_of_sums(sums[:, page], sums[:, 2], _IMAGES, is_share=False)
            for sums in (upper, lower)
        ]
        is_there = means[1].value > 0
        with np.errstate(divide="ignore", invalid="ignore"):  # nothing below without one image
            pages.append(quotient(*means) if is_there else Estimate.unknown(len(upper)))
    return _figure(len(over), pages, pages[1] - pages[0])


def _figure(sentences: int, pages: Sequence[Estimate], apart: Estimate) -> PairedFigure:
    alone, in_caption = pages
    return PairedFigure(
        sentences,
        len(apart.left_out),
        alone.value,
        in_caption.value,
        apart.value,
        apart.interval(),
        math.nan if apart.why_no_interval() else apart.standard_error(),
    )


def _by_image(found: Sequence[tuple[str, Pair]]) -> Reals:
    """Returns, by image, the sums on both pages and the number of sentences."""
    sums: dict[str, list[float]] = {}
    for image_id, pair in found:
        own = sums.setdefault(image_id, [0.0, 0.0, 0.0])
        own[0] += pair.alone
        own[1] += pair.in_caption
        own[2] += 1
    return np.array(list(sums.values()), dtype=np.float64).reshape(-1, 3)


def _of_no_difference(images: int) -> Interval:
    """Returns the interval where no image differs at all.

    More than this share of all images cannot differ either, or one would have been seen (Clopper
    and Pearson's interval of none in so many).
    """
    most = 1 - (0.05 / 2) ** (1 / images)
    return Interval(-most, most)
