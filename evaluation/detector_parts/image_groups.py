"""Sentences that a detector is asked about, taken image by image, so that each is decoded once."""

from collections.abc import Callable, Sequence
from itertools import groupby

from PIL import Image

from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.protocols import ItemFailure

Results = list[SentenceScore | ItemFailure]


def scored_by_image(
    requests: Sequence[ScoringRequest],
    of_image: Callable[[Image.Image, Sequence[ScoringRequest]], Results],
) -> Results:
    """Returns one result for each request, in order.

    Args:
        requests: Those of one image stand together.
        of_image: Scores the sentences about one image, in order; an image that cannot be decoded
            is the failure of them all.
    """
    results: Results = []
    for image_id, group in groupby(requests, key=lambda request: request.image_id):
        own = list(group)
        try:
            image = rgb_pixels(own[0].image, image_id)
        except ItemError as error:
            results += [error.failure] * len(own)
            continue
        results += of_image(image, own)
    return results
