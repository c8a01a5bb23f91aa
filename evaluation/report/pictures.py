"""Small copies of a release's images beside its report."""

import hashlib
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from alignbench.release_format.sentences import ImageOf, ReleaseReader
from alignbench.reporting.small_copies import small_copy

_LARGE_SIDE: Final = 360
_AT_ONCE: Final = 16
"""Images that a thread takes at once: handing over one takes as long as copying it."""
_AHEAD: Final = 4
"""So many times as many are held in memory."""


def picture_name(image_id: str) -> str:
    """Returns the name of an image's file, which whatever stands in its id is a safe one."""
    return f"{hashlib.sha256(image_id.encode()).hexdigest()[:32]}.jpg"


def write_pictures(reader: ReleaseReader, sentences: pa.Table, folder: Path) -> set[str]:
    """Writes a small copy of each image; those that are there already are kept.

    Args:
        reader: The release.
        sentences: What the images are of.
        folder: Where they go.

    Returns:
        The ids of the images that there is a copy of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = sentences["image_id"].unique().to_pylist()
    there = {path.name for path in folder.glob("*.jpg")}
    found = {name for name in names if picture_name(name) in there}
    missing = sentences.filter(
        pa.compute.invert(pa.compute.is_in(sentences["image_id"], pa.array(found, pa.string())))
    )
    if not len(missing):
        return found
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting: deque[Future[list[str]]] = deque()
        images = reader.images(missing)
        while some := list(islice(images, _AT_ONCE)):
            waiting.append(pool.submit(_write_copies, some, folder))
            if len(waiting) > _AHEAD:
                found.update(waiting.popleft().result())
        for copies in waiting:
            found.update(copies.result())
    return found


def _write_copies(images: Sequence[ImageOf], folder: Path) -> list[str]:
    """Writes a small copy of each image that one can be had of; returns their ids."""
    found = []
    for image in images:
        copy = small_copy(image.data, _LARGE_SIDE)
        if copy is not None:
            _write_whole(folder / picture_name(image.image_id), copy)
            found.append(image.image_id)
    return found


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that a run that is killed leaves none that is cut off."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
