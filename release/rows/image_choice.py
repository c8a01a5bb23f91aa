"""Whether an image is embedded in a release, referenced by URL, or both."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.schemas.vocabulary import ImageMode


class ImageChoice(NamedTuple):
    """What the operator chose, for all sources and for single ones.

    Attributes:
        default: For sources that are not named.
        by_source: For sources, or generators of images, by their name.
    """

    default: ImageMode = ImageMode.BOTH
    by_source: Mapping[str, ImageMode] = {}

    def of_rows(
        self, sources: pa.ChunkedArray, forbidden: pa.ChunkedArray
    ) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Returns which rows' images are embedded, and which show their URL if they have one.

        An image whose licence forbids redistribution is never embedded, and always shows its URL.
        """
        forbidden = pc.fill_null(forbidden, False)
        by_url = self._any_of(sources, ImageMode.URL)
        embedded = pc.invert(pc.or_(by_url, forbidden))
        linked = pc.or_(pc.invert(self._any_of(sources, ImageMode.EMBEDDED)), forbidden)
        return embedded, linked

    def _any_of(self, sources: pa.ChunkedArray, mode: ImageMode) -> pa.ChunkedArray:
        """Returns which rows are of a source with that mode."""
        named = pa.array(list(self.by_source), pa.string())
        chosen = [name for name, found in self.by_source.items() if found is mode]
        found = pc.is_in(sources, value_set=pa.array(chosen, pa.string()))
        if self.default is mode:
            found = pc.or_(found, pc.invert(pc.is_in(sources, value_set=named)))
        return found
