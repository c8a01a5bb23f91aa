"""Captions from an image-to-text model that runs in this process, by the transformers library.

A model that reads text alone captions nothing, and holds conversations without an image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from PIL import Image

from alignbench.generators.captioners.transformers_writing import (
    TransformersParams,
    TransformersWriter,
    Written,
)
from alignbench.models.answers.captions import read_caption
from alignbench.models.in_process.packages import check_installed
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import HubRevision, find_weights
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.chat import ChatAnswer, ChatRequest
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.plugins import StreamingCaptionerBase
from alignbench.schemas.protocols import CaptionRequest, Generation, ItemFailure

check_installed("torch", "transformers")


class TransformersOptions(InProcessOptions):
    """How the model is run.

    Attributes:
        keep_truncated: Keep a caption that the length limit cut off, marked as such, where it
            would else be a failure.
    """

    keep_truncated: bool = False


class TransformersCaptioner(
    HubRevision, StreamingCaptionerBase[TransformersOptions, TransformersParams]
):
    """An image-to-text model in this process, loaded once.

    Args:
        repo: A repository on the hub, a folder, or `package:name/folder`.
        revision: A commit, or what `resolve_revision` gave.
        options: How it is run.
        params: What is sent to `generate`.

    Raises:
        PickledWeightsError: Its weights are not safetensors.
        ModelNotFoundError: It cannot be had.
        ConfigError: It cannot run on the device that is asked for.
    """

    def load(self) -> None:
        """Loads the model."""
        import transformers

        from alignbench.models.in_process.probes.batches import batches_agree
        from alignbench.models.in_process.text_model_loading import (
            load_text_model,
            reads_text_alone,
            text_batches_agree,
        )
        from alignbench.models.in_process.vision_language_loading import load_vision_language

        placement = choose_placement(self.options)
        weights = find_weights(self.repo, self.revision)
        of_text = reads_text_alone(weights, self.options)
        self._model = (load_text_model if of_text else load_vision_language)(
            weights,
            self.options,
            placement,
            inherit=self.params.inherit,
            template_options=self.params.chat_template_kwargs,
        )
        self._opens_thought = self._model.sees_images and self._model.opens_thought()
        self.forward_batch = self.options.forward_batch
        agrees = text_batches_agree if of_text else batches_agree
        if self.forward_batch > 1 and not agrees(self._model):
            self.forward_batch = 1
        lineage = {
            "transformers": transformers.__version__,
            **placement.lineage(),
            "attention": str(getattr(self._model.model.config, "_attn_implementation", None)),
            "forward_batch": self.forward_batch,
            **self._model.settings.lineage(),
        }
        self._writer = TransformersWriter(self._model, self.params, lineage)

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        """Yields captions in order; the next batch is decoded while the model is at work.

        Raises:
            UnsupportedModelError: The model reads text alone.
        """
        from alignbench.models.errors import UnsupportedModelError
        from alignbench.models.in_process.forward import prepared_ahead

        if not self._model.sees_images:
            raise UnsupportedModelError(
                f"{self.repo} reads text alone, and cannot caption an image.",
                "Name a model that sees images; this one can be a judge or a rewriter.",
            )

        def prepare(batch: Sequence[CaptionRequest]) -> "_Prepared":
            return self._prepare(_decoded(batch), instruction)

        start = 0
        for batch, prepared in prepared_ahead(requests, self.forward_batch, prepare):
            answers: list[Generation | ItemFailure] = list(prepared.failures)
            for place, answer in zip(prepared.places, self._answers(prepared), strict=True):
                answers.insert(place, answer)
            yield from enumerate(answers, start)
            start += len(batch)

    def chat_stream(
        self, requests: Iterator[ChatRequest]
    ) -> Iterator[tuple[int, ChatAnswer | ItemFailure]]:
        """Yields answers in order."""
        from alignbench.generators.captioners.in_process_chat import written_answers

        keep = self.options.keep_truncated
        for place, answer in written_answers(self._writer, requests, self.forward_batch):
            kept = (
                answer if isinstance(answer, ItemFailure) else replace(answer, keep_truncated=keep)
            )
            yield place, kept

    def _prepare(self, decoded: "_Decoded", instruction: str | None) -> "_Prepared":
        images = decoded.images
        inputs = self._model.prepare(images, instruction) if images else None
        return _Prepared(*decoded, inputs, instruction)

    def _answers(self, prepared: "_Prepared") -> list[Generation | ItemFailure]:
        from alignbench.models.in_process.forward import halved_on_memory

        ready: list[Any] = [prepared.inputs]

        def forward(places: Sequence[int]) -> list[Generation | ItemFailure]:
            if len(places) == len(prepared.images):
                inputs = ready.pop()  # not kept, should it not fit
            else:
                images = [prepared.images[place] for place in places]
                inputs = self._model.prepare(images, prepared.instruction)
            return self._forward(inputs, [prepared.seeds[place] for place in places])

        places = range(len(prepared.images))
        return halved_on_memory(places, forward) if places else []

    def _forward(self, inputs: Any, seeds: Sequence[int]) -> list[Generation | ItemFailure]:
        return [self._generation(written) for written in self._writer.write(inputs, seeds)]

    def _generation(self, written: Written | ItemFailure) -> Generation | ItemFailure:
        if isinstance(written, ItemFailure):
            return written
        raw = replace(written.raw, begins_in_thought=self._opens_thought)
        caption = read_caption(raw, keep_truncated=self.options.keep_truncated)
        if isinstance(caption, ItemFailure):
            return caption
        return Generation(
            caption.text.strip(),
            finish_reason=raw.finish_reason,
            engine={**self._writer.lineage, **caption.left_out, **written.lineage},
            completion_tokens=raw.completion_tokens,
            seconds=written.seconds,
        )


class _Decoded(NamedTuple):
    """A batch's images that can be decoded, their places and seeds, and the other's failures."""

    images: list[Image.Image]
    seeds: list[int]
    places: list[int]
    failures: list[ItemFailure]


class _Prepared(NamedTuple):
    images: list[Image.Image]
    seeds: list[int]
    places: list[int]
    failures: list[ItemFailure]
    inputs: Any
    instruction: str | None


def _decoded(batch: Sequence[CaptionRequest]) -> _Decoded:
    decoded = _Decoded([], [], [], [])
    for place, (image, seed) in enumerate(batch):
        try:
            pixels = rgb_pixels(image.data, image.image_id)
        except ItemError as error:
            decoded.failures.append(error.failure)
            continue
        decoded.images.append(pixels)
        decoded.seeds.append(seed)
        decoded.places.append(place)
    return decoded
