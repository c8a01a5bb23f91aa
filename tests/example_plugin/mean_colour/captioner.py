"""A captioner that names the mean colour of an image."""

import io
from collections.abc import Sequence
from typing import ClassVar

from PIL import Image

from alignbench.schemas.protocols import CaptionInput, Generation, ItemFailure, NoOptions, Options


class MeanColourParams(Options):
    """What is sent to the engine: how often it says it."""

    sentences: int = 1


class MeanColourCaptioner:
    """Says the mean colour of an image as a hexadecimal number."""

    options_type: ClassVar[type[Options]] = NoOptions
    params_type: ClassVar[type[Options]] = MeanColourParams
    reads_pixels: ClassVar[bool] = True
    forward_batch = 8

    def __init__(self, repo: str, revision: str | None, options: Options, params: Options) -> None:
        self._params = MeanColourParams.model_validate(params)

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        return "1"

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation | ItemFailure]:
        return [self._one(image) for image in images]

    def _one(self, image: CaptionInput) -> Generation | ItemFailure:
        try:
            with Image.open(io.BytesIO(image.data)) as picture:
                red, green, blue = picture.convert("RGB").resize((1, 1)).tobytes()
        except OSError as error:
            return ItemFailure("MC-01", f"Image {image.image_id} cannot be decoded: {error}.")
        return Generation(
            f"The mean colour is #{red:02x}{green:02x}{blue:02x}. " * self._params.sentences,
            finish_reason="stop",
            engine={"mean_colour": "0.1.0"},
        )
