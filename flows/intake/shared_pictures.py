"""One picture behind many URLs: what a site shows in place of images that are gone."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.tables import ORIGINS
from alignbench.schemas.vocabulary import WithdrawnKind
from alignbench.workspace.workspace import Workspace

_MANY: Final = 3
"""So many different URLs of one picture are told of; two are often one image in two places."""


class SharedPicture(NamedTuple):
    """The picture of a source that stands behind most URLs.

    Attributes:
        source: The source's name.
        image_id: The picture.
        urls: How many different URLs lead to it.
        of: How many different URLs of the source lead to any image.
        example: One of the former.
    """

    source: str
    image_id: str
    urls: int
    of: int
    example: str

    @property
    def share(self) -> float:
        """How much of the source it stands for."""
        return self.urls / self.of

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.urls:,} of {self.of:,} URLs lead to one picture "
            f"({self.image_id}, as {self.example}), perhaps shown in place of images that are gone"
        )


def shared_pictures(workspace: Workspace) -> Iterator[SharedPicture]:
    """Yields, for each source with URLs, the picture behind most of them, if these are many.

    Images that were withdrawn do not count.
    """
    origins = workspace.table(ORIGINS).read(["source", "image_id", "image_url"])
    is_withdrawn = pc.is_in(origins["image_id"], withdrawn_ids(workspace, WithdrawnKind.IMAGE))
    is_counted = pc.and_(pc.is_valid(origins["image_url"]), pc.invert(is_withdrawn))
    origins = origins.filter(is_counted)
    different = origins.group_by(["source", "image_id", "image_url"]).aggregate([])
    by_picture = different.group_by(["source", "image_id"]).aggregate(
        [("image_url", "count"), ("image_url", "min")]
    )
    for source in pc.unique(by_picture["source"]).sort().to_pylist():
        yield from _most_shared(by_picture.filter(pc.equal(by_picture["source"], source)))


def _most_shared(pictures: pa.Table) -> Iterator[SharedPicture]:
    counts = pictures["image_url_count"]
    order = [("image_url_count", "descending"), ("image_id", "ascending")]
    [first] = pictures.sort_by(order).slice(0, 1).to_pylist()
    if first["image_url_count"] >= _MANY:
        yield SharedPicture(
            first["source"],
            first["image_id"],
            first["image_url_count"],
            pc.sum(counts).as_py(),
            first["image_url_min"],
        )
