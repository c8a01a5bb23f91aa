"""Images by content: `blobs/images/<first two hex>/<sha256>.<ext>`."""

from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.stores.store import ObjectStore

FOLDER = "blobs/images"
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
"""File extension of each image format that is stored."""


def blob_key(image_id: str, image_format: str) -> str:
    """Returns where the image with that id lies; `image_format` is Pillow's name of it."""
    return f"{FOLDER}/{image_id[:2]}/{image_id}.{EXTENSIONS[image_format]}"


def put_image(store: ObjectStore, data: bytes, image_format: str) -> tuple[str, str]:
    """Stores an image unless it is there.

    Returns:
        Its id (SHA-256 of the bytes) and its key.
    """
    image_id = sha256_hex(data)
    key = blob_key(image_id, image_format)
    store.create(key, data)
    return image_id, key
