"""Is every embedded image the one that its row names, and does its perceptual hash fit?"""

import io
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from alignbench.models.perceptual_hash import difference_hash_of_file
from alignbench.release.verify.batches import Batch
from alignbench.release.verify.report import Findings, Rule
from alignbench.schemas.ids import sha256_hex

HASHED_IMAGES: Final = 200
"""Images of each file whose perceptual hash is computed again, unless all are asked for. Rows are
sorted by `image_id`, itself a hash, so the first of a file are drawn at random."""

_JPEG_START: Final = b"\xff\xd8\xff"
_JPEG_BITS: Final = 4
"""Bits that the hash of a JPEG may differ in: of a turned or CMYK picture it is taken before it is
encoded again, and decoders of JPEG do not agree to the last bit."""


class ImageCheck:
    """Checks the images of one file's batches; an image that follows itself is checked once."""

    def __init__(self, *, hash_all: bool = False) -> None:
        """Makes it; with `hash_all`, no image's perceptual hash is taken on trust."""
        self._last: tuple[str, str | None, str | None] | None = None
        self._last_data: pa.Buffer | None = None
        self._left = float("inf") if hash_all else HASHED_IMAGES

    def check(self, batch: Batch, findings: Findings) -> None:
        """Checks the images of a batch's rows."""
        image = batch.rows.column("image")
        columns = (
            batch.rows.column("image_id").to_pylist(),
            batch.rows.column("perceptual_hash").to_pylist(),
            pc.struct_field(image, "path").to_pylist(),
            pc.struct_field(image, "bytes"),
        )
        for row, (image_id, said, path, scalar) in enumerate(zip(*columns, strict=True)):
            data = scalar.as_buffer() if scalar.is_valid else None
            if (image_id, path, said) == self._last and data == self._last_data:
                continue
            self._last, self._last_data = (image_id, path, said), data
            problems = list(image_problems(image_id, path, data))
            for text in problems:
                findings.add(batch.file, Rule.IMAGE, text, batch.first + row)
            if data is not None and not problems and said is not None and self._left > 0:
                self._left -= 1
                wrong = _hash_problem(said, data)
                if wrong is not None:
                    findings.add(batch.file, Rule.PERCEPTUAL_HASH, wrong, batch.first + row)


def image_problems(image_id: str | None, path: str | None, data: pa.Buffer | None) -> Iterator[str]:
    """Yields what is wrong with an embedded image: it is not that of its id, or is damaged."""
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


def _hash_problem(said: str, data: pa.Buffer) -> str | None:
    encoded = data.to_pybytes()
    try:
        found = difference_hash_of_file(encoded)
        apart = (int(said, 16) ^ int(found, 16)).bit_count()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return f"perceptual_hash {said!r} cannot be compared with the image's"
    allowed = _JPEG_BITS if encoded.startswith(_JPEG_START) else 0
    if len(said) == len(found) and apart <= allowed:
        return None
    return f"perceptual_hash is {said}, the image's is {found}"
