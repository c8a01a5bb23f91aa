"""Is every embedded image the one that its row names, and can it be decoded?"""

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Rule
from alignbench.schemas.ids import sha256_hex


class ImageCheck:
    """Checks the images of one file's batches; an image that follows itself is checked once."""

    def __init__(self) -> None:
        self._last: tuple[str, str | None] | None = None
        self._last_data: pa.Buffer | None = None

    def check(self, batch: Batch, findings: Findings) -> None:
        """Checks the images of a batch's rows."""
        image = batch.rows.column("image")
        columns = (
            batch.rows.column("image_id").to_pylist(),
            pc.struct_field(image, "path").to_pylist(),
            pc.struct_field(image, "bytes"),
        )
        for row, (image_id, path, scalar) in enumerate(zip(*columns, strict=True)):
            data = scalar.as_buffer() if scalar.is_valid else None
            if (image_id, path) == self._last and data == self._last_data:
                continue
            self._last, self._last_data = (image_id, path), data
            for text in _problems(image_id, path, data):
                findings.add(batch.file, Rule.IMAGE, text, batch.first + row)


def _problems(image_id: str, path: str | None, data: pa.Buffer | None) -> Iterator[str]:
    if (path is None) != (data is None):
        yield "the image has only one of bytes and path"
    if path is not None and path.rpartition(".")[0] != image_id:
        yield f"the image's path is {path}, its image_id {image_id}"
    if data is None:
        return
    if sha256_hex(memoryview(data)) != image_id:
        yield f"the image's bytes are not those of its image_id {image_id}"
    try:
        with Image.open(io.BytesIO(memoryview(data))) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        yield f"the image cannot be decoded: {error}"
