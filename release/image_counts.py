"""How a reader gets the images of a release: embedded, by URL, or not at all."""

import pyarrow as pa
import pyarrow.compute as pc

from release.manifest import ImageCounts


class ImageCounter:
    """Counts distinct images over all models; holds their ids."""

    def __init__(self) -> None:
        self._embedded: set[str] = set()
        self._by_url: set[str] = set()
        self._unavailable: set[str] = set()

    def add(self, rows: pa.Table) -> None:
        """Counts the images of rows with `image`, `image_id` and `image_url`."""
        embedded = pc.is_valid(pc.struct_field(rows["image"], "path"))
        by_url = pc.and_not(pc.is_valid(rows["image_url"]), embedded)
        neither = pc.invert(pc.or_(embedded, by_url))
        for which, images in (
            (embedded, self._embedded),
            (by_url, self._by_url),
            (neither, self._unavailable),
        ):
            images.update(rows["image_id"].filter(which).unique().to_pylist())

    def counts(self) -> ImageCounts:
        """Returns the numbers of images."""
        return ImageCounts(
            embedded=len(self._embedded),
            by_url=len(self._by_url),
            unavailable=len(self._unavailable),
        )
