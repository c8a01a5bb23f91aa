"""Small copies of a release's images beside its report."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Event
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


@contextmanager
def pictures_beside(
    reader: ReleaseReader, sentences: pa.Table, folder: Path
) -> Iterator[Future[set[str]]]:
    """Does what `write_pictures` does in another thread; an error in the caller's ends it early.

    Most of it is decoding and encoding, beside which Python code runs undisturbed.
    """
    given_up = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="pictures") as beside:
        try:
            yield beside.submit(write_pictures, reader, sentences, folder, given_up)
        except BaseException:
            given_up.set()
            raise


def write_pictures(
    reader: ReleaseReader, sentences: pa.Table, folder: Path, given_up: Event | None = None
) -> set[str]:
    """Writes a small copy of each image; those that are there already are kept.

    Args:
        reader: The release.
        sentences: What the images are of.
        folder: Where they go.
        given_up: Set by another thread where the rest is not wanted any more.

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
    # The caller has one core for itself.
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1)) as pool:
        waiting: deque[Future[list[str]]] = deque()
        images = reader.images(missing)
        while some := list(islice(images, _AT_ONCE)):
            if given_up is not None and given_up.is_set():
                break
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
