"""Which split each image is in, so that nothing a detector could have seen is on two sides.

Images of one connected component (the same prompt, near-duplicates) stay together. Components are
dealt out, in an order that their ids give, each to the split that lacks most of its share. With an
older release as a start, its images and prompts stay where they are.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.errors import SplitConflictError
from alignbench.release.splits.components import components
from alignbench.schemas.ids import derive_id

LINK_SCHEMA: Final = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("prompt_id", pa.string()),
        pa.field("perceptual_hash", pa.string()),
        pa.field("sentences", pa.int64()),
    ]
)
"""An image, a prompt that it was made from or null, and how many sentences they have."""

OLD_SCHEMA: Final = pa.schema([*list(LINK_SCHEMA)[:3], pa.field("split", pa.string())])
"""The same of an older release, with the split they are in there."""


class Sides(NamedTuple):
    """Where images go.

    Attributes:
        by_split: The images of each split; every split of the configuration is there.
        between: Images that are in no split: each belongs together with images of two.
    """

    by_split: dict[str, pa.Array]
    between: pa.Array


def deal(
    links: pa.Table,
    shares: Mapping[str, float],
    near_duplicates: int,
    old: pa.Table | None = None,
) -> Sides:
    """Deals images out to splits.

    Args:
        links: Rows of `LINK_SCHEMA`; an image may be in several.
        shares: Each split's weight.
        near_duplicates: How many bits the hashes of near-duplicates may differ in.
        old: Rows of `OLD_SCHEMA` of the release whose sides are kept.

    Raises:
        SplitConflictError: The older release has a split that there is no share for.
    """
    old = OLD_SCHEMA.empty_table() if old is None else old
    names = list(shares)
    images = _images(links, old)
    prompts = pa.concat_tables([t.select(["image_id", "prompt_id"]) for t in (links, old)])
    prompts = prompts.filter(pc.is_valid(prompts["prompt_id"]))
    component = components(images, prompts, near_duplicates)
    given = _given(images, old, names)
    place = _placed(component, given, images["sentences"].to_numpy(), images, shares)
    is_new = given < 0
    between = is_new & (place < 0)
    wanted = pc.is_in(images["image_id"], value_set=links["image_id"].combine_chunks()).to_numpy()
    ids = images["image_id"].combine_chunks()
    return Sides(
        {
            name: ids.filter(pa.array((place == number) & wanted))
            for number, name in enumerate(names)
        },
        ids.filter(pa.array(between & wanted)),
    )


def _images(links: pa.Table, old: pa.Table) -> pa.Table:
    """Returns all images, once each and sorted, with their hash and their sentences."""
    nothing = pa.array(np.zeros(len(old), dtype=np.int64))
    old = old.select(["image_id", "perceptual_hash"]).append_column("sentences", nothing)
    new = links.select(["image_id", "perceptual_hash", "sentences"])
    found = (
        pa.concat_tables([new, old])
        .group_by("image_id")
        .aggregate([("perceptual_hash", "min"), ("sentences", "sum")])
    )
    names = {"perceptual_hash_min": "perceptual_hash", "sentences_sum": "sentences"}
    found = found.rename_columns([names.get(name, name) for name in found.schema.names])
    return found.sort_by("image_id")


def _given(images: pa.Table, old: pa.Table, names: list[str]) -> npt.NDArray[np.int64]:
    """Returns the number of the split that each image is in already; -1 if in none."""
    unknown = sorted(set(old["split"].to_pylist()) - set(names))
    if unknown:
        raise SplitConflictError(
            f"The older release has the split {unknown[0]!r}, which [release] splits does not.",
            "Give it a share there.",
        )
    place = pc.index_in(images["image_id"], value_set=old["image_id"].combine_chunks())
    split = pc.index_in(old["split"].take(place), value_set=pa.array(names, pa.string()))
    found: npt.NDArray[np.int64] = pc.fill_null(split, -1).to_numpy().astype(np.int64)
    return found


def _placed(
    component: npt.NDArray[np.int64],
    given: npt.NDArray[np.int64],
    sentences: npt.NDArray[np.int64],
    images: pa.Table,
    shares: Mapping[str, float],
) -> npt.NDArray[np.int64]:
    """Returns each image's split; -1 for new ones of a component that two splits have a part of."""
    count = int(component.max(initial=-1)) + 1
    size = np.bincount(component, weights=sentences, minlength=count).astype(np.int64)
    of_component = np.full(count, -1, dtype=np.int64)
    fixed = np.flatnonzero(given >= 0)
    of_component[component[fixed]] = given[fixed]
    clashing = np.zeros(count, dtype=np.bool_)
    clashing[component[fixed][of_component[component[fixed]] != given[fixed]]] = True
    filled = [0] * len(shares)
    for number in np.flatnonzero(of_component >= 0).tolist():
        filled[of_component[number]] += int(size[number])
    for number in _order(component, images, of_component):
        split = _neediest(filled, list(shares.values()))
        of_component[number] = split
        filled[split] += int(size[number])
    of_component[clashing] = -1
    return np.where(given >= 0, given, of_component[component])


def _order(
    component: npt.NDArray[np.int64], images: pa.Table, of_component: npt.NDArray[np.int64]
) -> list[int]:
    """Returns the components that are in no split, in an order that no split or size decides."""
    _, first = np.unique(component, return_index=True)  # images are sorted: the lowest id of each
    names = images["image_id"].take(pa.array(first)).to_pylist()
    free = np.flatnonzero(of_component < 0).tolist()
    return sorted(free, key=lambda number: derive_id("split", names[number]))


def _neediest(filled: list[int], shares: list[float]) -> int:
    """Returns the split that has least of its share; the first of these."""
    return min(range(len(filled)), key=lambda n: Fraction(filled[n]) / Fraction(shares[n]))
