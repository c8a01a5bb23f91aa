"""Storing a checked image: the blob first, then the row that names it."""

from alignbench.generators.image_checks import CheckedImage
from alignbench.schemas.rows.generation import Image
from alignbench.schemas.vocabulary import ImageType
from alignbench.workspace.blobs import put_image
from alignbench.workspace.workspace import Workspace


def store_image(workspace: Workspace, checked: CheckedImage, image_type: ImageType) -> Image:
    """Puts an image among the blobs and returns its row."""
    image_id, blob = put_image(workspace.store, checked.data, checked.format)
    return Image(
        image_id=image_id,
        image_type=image_type,
        width=checked.width,
        height=checked.height,
        format=checked.format,
        blob=blob,
        perceptual_hash=checked.perceptual_hash,
        normalised=checked.normalised,
    )
