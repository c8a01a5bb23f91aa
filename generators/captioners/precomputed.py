"""Captions that already exist, taken as they came with the images."""

from collections.abc import Sequence
from typing import ClassVar, Final

from alignbench.models.answers.captions import read_caption
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.plugins import CaptionerBase
from alignbench.schemas.protocols import CaptionInput, Generation, ItemFailure
from alignbench.schemas.vocabulary import FailureKind

_MOST: Final = 1 << 18
"""Most code points of a caption: what stands in a file was put there on purpose."""


class PrecomputedCaptioner(CaptionerBase):
    """Gives back the caption that came with each image; `repo` is the model that wrote it.

    Raises:
        ConfigError: `repo` is empty.
    """

    reads_pixels: ClassVar[bool] = False
    forward_batch = 1024

    def load(self) -> None:
        """Checks that it is said whose captions these are."""
        if not self.repo:
            raise ConfigError(
                "A captioner with backend 'precomputed' does not say whose captions these are.",
                "Set its `repo` to the name of the model in the captions file.",
            )

    def caption(
        self,
        images: Sequence[CaptionInput],
        instruction: str | None,  # noqa: ARG002 - nothing is asked
        seeds: Sequence[int],  # noqa: ARG002 - nothing is drawn
    ) -> list[Generation | ItemFailure]:
        """Returns the caption of each image, or a failure where it is missing, blank or none.

        A file may well hold raw answers, so they are read as those of a model that was asked.
        """
        return [_taken(image) for image in images]


def _taken(image: CaptionInput) -> Generation | ItemFailure:
    if image.caption is None:
        return ItemCode.CAPTION_MISSING.failure(f"Image {image.image_id} came without a caption.")
    if not image.caption.strip():
        return ItemCode.CAPTION_EMPTY.failure(
            f"The caption of image {image.image_id} is empty.", FailureKind.EMPTY
        )
    caption = read_caption(RawAnswer(image.caption), most=_MOST)
    if isinstance(caption, ItemFailure):
        return caption
    return Generation(caption.text, engine=caption.left_out)
