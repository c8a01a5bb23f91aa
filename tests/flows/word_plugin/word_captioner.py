"""A captioner that needs no model, found by every process with this folder on its path.

It notes in the folder `SEEN_IN`, if that is set, in which process and with which GPUs it was made.
"""

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from alignbench.schemas.protocols import CaptionInput, Generation, NoOptions, Options


class WordOptions(Options):
    """How long it takes for an image; no part of what it says."""

    seconds_each: float = 0.0


class WordCaptioner:
    """Says two sentences with the first letters of an image's id in them."""

    options_type: ClassVar[type[Options]] = WordOptions
    params_type: ClassVar[type[Options]] = NoOptions
    reads_pixels: ClassVar[bool] = True
    forward_batch = 8

    def __init__(
        self, repo: str, revision: str | None, options: WordOptions, params: Options
    ) -> None:
        self._seconds = options.seconds_each
        if folder := os.environ.get("SEEN_IN"):
            gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
            Path(folder, f"{os.getpid()}-{gpus}-{uuid.uuid4().hex}").touch()

    @classmethod
    def resolve_revision(cls, repo: str, options: Options) -> str | None:
        return "1"

    def caption(
        self, images: Sequence[CaptionInput], instruction: str | None, seeds: Sequence[int]
    ) -> list[Generation]:
        time.sleep(self._seconds * len(images))
        return [
            Generation(f"A square number {image.image_id[:8]}. It is painted in one colour.")
            for image in images
        ]
