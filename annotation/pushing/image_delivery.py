"""How images reach the annotator's browser: as files, or by addresses that the server signs."""

import os
from typing import Literal, Protocol

from alignbench.annotation.errors import ImageStorageError
from alignbench.annotation.label_studio.records import S3Images
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.workspace.blobs import FOLDER as IMAGE_FOLDER
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.store import ObjectStore

Storage = Literal["local", "s3"]
"""How images reach the browser."""

ENDPOINT_VARIABLE = "ALIGNBENCH_ANNOTATION_S3_ENDPOINT"
"""Address of the S3 server as annotators' browsers reach it; without it, the server's own.

Label Studio refuses an address in a private network here (its protection against forged requests);
there, its own environment must name it as `S3_ENDPOINT`.
"""
KEY_VARIABLES = ("ALIGNBENCH_ANNOTATION_S3_KEY_ID", "ALIGNBENCH_ANNOTATION_S3_SECRET")
"""A key that may read the images and nothing else, for the annotation server to sign with.

Our own key is never given away: without these, the server signs with what its environment has.
"""
SIGNED_MINUTES = 60
"""How long a signed address is good: longer than anybody looks at one sentence."""


class ImageDelivery(Protocol):
    """The images of a workspace, as an annotation server shows them."""

    def address(self, blob: str) -> str:
        """Returns what a task has as its image."""
        ...

    def allow(self, server: LabelStudioServer, project_id: int) -> None:
        """Lets a project's users see them."""
        ...


def image_delivery(store: ObjectStore, storage: Storage) -> ImageDelivery:
    """Returns how the images of a workspace's store reach annotators.

    Raises:
        ImageStorageError: They cannot be shown in this way from where they are.
    """
    if storage == "local":
        if isinstance(store, LocalStore):
            return LocalImages(store)
        raise ImageStorageError(
            f"The images of {store.url} are not files on the annotation server's machine.",
            "Set storage = 's3' in [annotation].",
        )
    if isinstance(store, S3Store):
        return SignedImages(store)
    raise ImageStorageError(
        f"The images of {store.url} are files, not objects of an S3 server.",
        "Leave storage out of [annotation], or use a workspace on S3.",
    )


class LocalImages:
    """Images that are files on the annotation server's machine."""

    def __init__(self, store: LocalStore) -> None:
        self._folder = str(store.path(IMAGE_FOLDER))

    def address(self, blob: str) -> str:
        """Returns the address under the server's own."""
        # The document root is the folder above the images: `blobs/`.
        return f"/data/local-files/?d={blob.partition('/')[2]}"

    def allow(self, server: LabelStudioServer, project_id: int) -> None:
        """Lets a project's users see the folder of images, and nothing else."""
        server.storages.ensure_local(project_id, self._folder)


class SignedImages:
    """Images on S3, which browsers fetch there by an address that the server signs."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def address(self, blob: str) -> str:
        """Returns the object's name, which the server signs whenever a task is opened."""
        return f"{self._store.url}/{blob}"

    def allow(self, server: LabelStudioServer, project_id: int) -> None:
        """Gives the server what it signs addresses with, for this folder."""
        prefix = f"{self._store.prefix}/{IMAGE_FOLDER}".strip("/")
        key_id, secret = self._key()
        server.storages.ensure_s3(
            project_id,
            S3Images(
                bucket=self._store.bucket,
                prefix=prefix,
                endpoint=os.environ.get(ENDPOINT_VARIABLE) or None,
                region=self._store.client.meta.region_name,
                key_id=key_id,
                secret=secret,
                minutes=SIGNED_MINUTES,
            ),
        )

    def _key(self) -> tuple[str | None, str | None]:
        key_id, secret = (os.environ.get(name) or None for name in KEY_VARIABLES)
        if (key_id is None) != (secret is None):
            raise ImageStorageError(
                f"Of {' and '.join(KEY_VARIABLES)} one is set and the other is not.",
                "Set both, or neither where Label Studio has a key of its own.",
            )
        return key_id, secret
