"""Which images belong together: of one prompt, or near-duplicates of one another, and so on."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from alignbench.release.splits.near_duplicates import near_pairs, parse_hashes

Components = npt.NDArray[np.int64]
"""For each image the number of its component."""


def components(images: pa.Table, prompts: pa.Table, near_duplicates: int) -> Components:
    """Returns the component of each image.

    Args:
        images: `image_id`, each once, and `perceptual_hash`, which may be null.
        prompts: Pairs of `image_id` and `prompt_id`, none null; images not in `images` are ignored.
        near_duplicates: How many bits two hashes may differ in.
    """
    count = len(images)
    links = [_by_prompt(images, prompts), *_by_hash(images, near_duplicates)]
    pairs = np.concatenate([*links, np.zeros((0, 2), dtype=np.int64)])
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _by_prompt(images: pa.Table, prompts: pa.Table) -> npt.NDArray[np.int64]:
    place = pc.index_in(prompts["image_id"], value_set=images["image_id"].combine_chunks())
    known = prompts.append_column("place", place).filter(pc.is_valid(place))
    prompt = known["prompt_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    return _to_first(prompt, known["place"].to_numpy().astype(np.int64))


def _by_hash(images: pa.Table, distance: int) -> list[npt.NDArray[np.int64]]:
    places = np.flatnonzero(pc.is_valid(images["perceptual_hash"]).to_numpy())
    hashes = parse_hashes(images["perceptual_hash"].drop_null().to_pylist())
    unique, of_image = np.unique(hashes, return_inverse=True)
    equal = _to_first(of_image, places)
    first = np.zeros(len(unique), dtype=np.int64)
    first[of_image[::-1]] = places[::-1]
    return [equal, *(first[pairs] for pairs in near_pairs(unique, distance))]


def _to_first(groups: npt.NDArray[Any], places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns pairs that tie each place to the first place of its group."""
    if not len(groups):
        return np.zeros((0, 2), dtype=np.int64)
    first = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    first[groups[::-1]] = places[::-1]
    return np.column_stack([first[groups], places])
