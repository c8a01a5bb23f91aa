"""The images of an imported set: from a folder, or fetched by their URLs, checked as all are."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from alignbench.generators.image_checks import MAX_BYTES, check_image
from alignbench.generators.sources.paths import read_image_file
from alignbench.release.importing.rows import HeldImage
from alignbench.schemas.errors import MissingExtraError, UsageError
from alignbench.schemas.importing import ImageReference, ImportNotes
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from alignbench.workspace.blobs import put_image
from alignbench.workspace.stores.store import ObjectStore

_BATCH: Final = 64
_CONCURRENCY: Final = 16
_TIMEOUT_SECONDS: Final = 30.0
_RETRIES: Final = 3


class NoImages(NamedTuple):
    """The set's images are not at hand: rows name them, and have none."""

    def read(self, images: Sequence[ImageReference]) -> list[bytes | ItemFailure | None]:
        """Returns None for each: nothing was looked for."""
        return [None] * len(images)


class FolderImages:
    """Image files of a folder, found by path, or by name wherever they lie in it."""

    def __init__(self, folder: Path) -> None:
        """Lists the folder.

        Raises:
            UsageError: There is no such folder.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder.", "Give --images the folder of the images.")
        self._root = folder.resolve()
        self._by_name: dict[str, str] = {}
        for path in sorted(self._root.rglob("*")):
            if path.is_file():
                relative = path.relative_to(self._root).as_posix()
                self._by_name.setdefault(path.name, relative)
                self._by_name[relative] = relative

    def read(self, images: Sequence[ImageReference]) -> list[bytes | ItemFailure | None]:
        """Returns each image's bytes, or why there are none."""
        return [self._read(image) for image in images]

    def _read(self, image: ImageReference) -> bytes | ItemFailure:
        in_url = (image.url or "").partition("?")[0].rpartition("/")[2]
        names = [image.path, image.name, *image.also_named, in_url]
        for name in filter(None, names):
            found = self._by_name.get(name) or self._by_name.get(name.rpartition("/")[2])
            if found is not None:
                return read_image_file(self._root, found)
        return ItemCode.FILE_MISSING.failure(f"There is no file {image.name!r} in {self._root}.")


class FetchedImages:
    """Images behind the URLs that the set gives, fetched as any source's are."""

    def __init__(self, *, allow_private_addresses: bool = False) -> None:
        """Makes it ready.

        Args:
            allow_private_addresses: Whether URLs may lead to private and loopback addresses.

        Raises:
            MissingExtraError: What fetches is not installed.
        """
        self._allow_private = allow_private_addresses
        try:
            import httpx  # noqa: F401
        except ModuleNotFoundError:
            raise MissingExtraError(
                "Fetching images needs httpx, which is not installed.",
                "Run: pip install 'alignbench[pipeline]', or give a folder to --images.",
            ) from None

    def read(self, images: Sequence[ImageReference]) -> list[bytes | ItemFailure | None]:
        """Returns each image's bytes, or why there are none; several are fetched at once."""
        from alignbench.generators.sources.checked_network import CheckedNetwork
        from alignbench.generators.sources.download import DownloadLimits, download_all

        limits = DownloadLimits(_CONCURRENCY, _TIMEOUT_SECONDS, MAX_BYTES, _RETRIES)
        network = CheckedNetwork(allow_private=self._allow_private)
        urls = [image.url for image in images if image.url is not None]
        found = iter(asyncio.run(download_all(urls, limits, network)) if urls else [])
        missing = ItemCode.ENTRY_INCOMPLETE.failure("The set gives no URL of the image.")
        return [missing if image.url is None else next(found) for image in images]


def stored_images(
    images: Iterable[ImageReference],
    origin: NoImages | FolderImages | FetchedImages,
    store: ObjectStore,
    notes: ImportNotes,
) -> dict[str, HeldImage]:
    """Returns the images that are there and sound, stored, by the id made of their locator.

    Args:
        images: As the set names them; each is read once.
        origin: Where they come from.
        store: Takes their bytes.
        notes: Takes those that are not there or not sound.
    """
    held: dict[str, HeldImage] = {}
    unique = iter({image.image_id: image for image in images}.values())
    for batch in _batches(unique):
        for image, data in zip(batch, origin.read(batch), strict=True):
            found = data if data is None or isinstance(data, ItemFailure) else _stored(data, store)
            if isinstance(found, HeldImage):
                held[image.image_id] = found
            elif found is not None:
                notes.name(image.name, f"no image ({found.code})", found.message)
    return held


def _stored(data: bytes, store: ObjectStore) -> HeldImage | ItemFailure:
    checked = check_image(data)
    if isinstance(checked, ItemFailure):
        return checked
    image_id, key = put_image(store, checked.data, checked.format)
    return HeldImage(image_id, key, checked.perceptual_hash)


def _batches(images: Iterator[ImageReference]) -> Iterator[list[ImageReference]]:
    while batch := list(islice(images, _BATCH)):
        yield batch
