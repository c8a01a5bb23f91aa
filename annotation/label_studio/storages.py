"""Which stored images a Label Studio project shows."""

from alignbench.annotation.label_studio.records import S3Images
from alignbench.annotation.label_studio.transport import Transport


class ImageStorages:
    """The storages of a server's projects."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ensure_local(self, project_id: int, folder: str) -> None:
        """Lets the project's users see the image files under a folder of the server's machine."""
        what = f"letting project {project_id} show images"
        storages = self._transport.sdk.import_storage.local
        known = self._transport.read(what, lambda: storages.list(project=project_id))
        if any(storage.path == folder for storage in known):
            return
        self._transport.once(
            what,
            lambda: storages.create(
                project=project_id, path=folder, title="Images", use_blob_urls=True
            ),
        )

    def ensure_s3(self, project_id: int, images: S3Images) -> None:
        """Lets the project's users see the images under a prefix, by addresses that it signs."""
        what = f"letting project {project_id} show images of bucket {images.bucket}"
        storages = self._transport.sdk.import_storage.s3
        known = self._transport.read(what, lambda: storages.list(project=project_id))
        if any((s.bucket, s.prefix) == (images.bucket, images.prefix) for s in known):
            return
        given = {
            "region_name": images.region,
            "s3endpoint": images.endpoint,
            "aws_access_key_id": images.key_id,
            "aws_secret_access_key": images.secret,
        }
        self._transport.once(
            what,
            lambda: storages.create(
                project=project_id,
                bucket=images.bucket,
                prefix=images.prefix,
                title="Images",
                use_blob_urls=True,
                presign=True,
                presign_ttl=images.minutes,
                **{name: value for name, value in given.items() if value is not None},
            ),
        )
