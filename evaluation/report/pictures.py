"""Small copies of a release's images beside its report."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import pyarrow as pa

from alignbench.release_format.sentences import ReleaseReader
from alignbench.reporting.small_copies import small_copy

_LARGE_SIDE: Final = 360
_AHEAD: Final = 64
"""Images that are held in memory at once."""


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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for image_id, copy in _copies(reader, missing, pool):
            if copy is not None:
                _write_whole(folder / picture_name(image_id), copy)
                found.add(image_id)
            if given_up is not None and given_up.is_set():
                break
    return found


def _copies(
    reader: ReleaseReader, sentences: pa.Table, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, bytes | None]]:
    waiting: deque[tuple[str, Future[bytes | None]]] = deque()
    for image in reader.images(sentences):
        waiting.append((image.image_id, pool.submit(small_copy, image.data, _LARGE_SIDE)))
        if len(waiting) > _AHEAD:
            image_id, future = waiting.popleft()
            yield image_id, future.result()
    for image_id, future in waiting:
        yield image_id, future.result()


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that a run that is killed leaves none that is cut off."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
