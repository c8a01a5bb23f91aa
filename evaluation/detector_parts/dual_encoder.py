"""CLIP and SigLIP: images and texts as vectors that can be compared."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Final, NamedTuple, TypeVar

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from alignbench.evaluation.detector_parts.text_window import Window, whole, windows
from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.complete_weights import REPORTED, LoadedTensors, check_complete
from alignbench.models.in_process.forward import halved_on_memory
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, Placement, choose_placement
from alignbench.models.in_process.weights import find_weights, local_folder
from alignbench.models.pixels import rgb_pixels
from alignbench.schemas.detection import ScoringRequest
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure

_NO_LIMIT: Final = 10**6
"""Lengths from here on are how tokenizers say that they know of none."""

_PROBE: Final = ("A red disc on a blue ground, with two stars above it.", "A dog.")
_ROUNDING: Final = {torch.float32: 1e-5, torch.float64: 1e-5}
_HALF_ROUNDING: Final = 1e-2
"""How far from 1 the cosine of two vectors of one text may be by rounding."""

Tokens = dict[str, torch.Tensor]
"""`input_ids` (texts, length) and, but for SigLIP, `attention_mask`."""

T = TypeVar("T")
Given = TypeVar("Given")


class DualEncoder:
    """A model with an image tower and a text tower, loaded once.

    Args:
        repo: A repository on the hub, a folder, or `package:name/folder`.
        revision: A commit, or what `resolve_revision` gave.
        options: How it is run.
        prefix: Put before each text.
        attention: What is asked for each tower; the library's choice if not given.
        processor: Repository or folder of the image processor and the tokenizer, where the model
            has none of its own.

    Raises:
        PickledWeightsError: Its weights are not safetensors.
        ModelNotFoundError: It cannot be had.
        ModelShapeError: It has not two towers.
        IncompleteWeightsError: Its files lack some of its weights.
    """

    def __init__(
        self,
        repo: str,
        revision: str | None,
        options: InProcessOptions,
        prefix: str = "",
        attention: dict[str, str] | None = None,
        processor: str = "",
    ) -> None:
        self.prefix = prefix
        self.placement: Placement = choose_placement(options)
        self.batch = options.forward_batch
        self.model, self._images, self.tokenizer = _load(
            repo, revision, options, self.placement, attention, processor
        )
        self.is_siglip = self.model.config.model_type.startswith("siglip")
        known = getattr(self.model.config.text_config, "max_position_embeddings", _NO_LIMIT)
        self.limit = int(min(known, self.tokenizer.model_max_length, _NO_LIMIT))
        if self.batch > 1 and not self._is_batch_alike():
            self.batch = 1

    def windows(self, texts: Sequence[str]) -> list[list[Window]]:
        """Returns the parts in which each text is read."""
        return [
            whole(text) if fits else windows(text, self._fits)
            for text, fits in zip(texts, self._fit(texts), strict=True)
        ]

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Returns texts, with the prefix, as the text tower takes them, on the device."""
        return self._on_device(self._tokenized(texts))

    def tokens_and_offsets(self, texts: Sequence[str]) -> tuple[Tokens, torch.Tensor]:
        """Returns the same, and where each token stands in prefix and text.

        The offsets are (texts, length, 2): begin and end of each token.
        """
        found = self._tokenized(texts, return_offsets_mapping=True)
        return self._on_device(found), found["offset_mapping"]

    @torch.inference_mode()
    def embed_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Returns vectors of length 1 (images, width)."""
        shown = self._images(images=list(images), return_tensors="pt")
        shown = shown.to(self.placement.device, self.placement.dtype)
        # SigLIP 2 takes images of any shape, and is told how each lies in its patches.
        known = signature(self.model.get_image_features).parameters
        given = {name: tensor for name, tensor in shown.items() if name in known}
        return _unit(self.model.get_image_features(**given))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Returns vectors of length 1 (texts, width)."""
        return _unit(self.model.get_text_features(**self.tokens(texts)))

    def images_of(
        self, requests: Sequence[ScoringRequest]
    ) -> dict[str, torch.Tensor | ItemFailure]:
        """Returns the vector of each image, once, or why there is none."""
        found: dict[str, torch.Tensor | ItemFailure] = {}
        decoded: dict[str, Image.Image] = {}
        for request in requests:
            if request.image_id in found or request.image_id in decoded:
                continue
            try:
                decoded[request.image_id] = rgb_pixels(request.image, request.image_id)
            except ItemError as error:
                found[request.image_id] = error.failure

        def forward(names: Sequence[str]) -> list[torch.Tensor | ItemFailure]:
            return list(self.embed_images([decoded[name] for name in names]))

        vectors = self.in_batches(list(decoded), forward)
        return found | dict(zip(decoded, vectors, strict=True))

    def in_batches(
        self, items: Sequence[Given], forward: Callable[[Sequence[Given]], list[T | ItemFailure]]
    ) -> list[T | ItemFailure]:
        """Puts items through the model, so many at once, or fewer where memory ends."""
        results: list[T | ItemFailure] = []
        for start in range(0, len(items), self.batch):
            results += halved_on_memory(items[start : start + self.batch], forward)
        return results

    def _is_batch_alike(self) -> bool:
        """Tells whether texts of two lengths have the same vectors together as alone."""
        together = self.embed_texts(_PROBE)
        alone = torch.cat([self.embed_texts([text]) for text in _PROBE])
        nearness = torch.nn.functional.cosine_similarity(together.float(), alone.float())
        return bool((1 - nearness < _ROUNDING.get(self.placement.dtype, _HALF_ROUNDING)).all())

    def _tokenized(self, texts: Sequence[str], **more: bool) -> Any:
        # SigLIP was trained on texts padded to one length, and without a mask.
        padding = "max_length" if self.is_siglip else True
        return self.tokenizer(
            self._prefixed(texts), padding=padding, truncation=True, max_length=self.limit,
            return_tensors="pt", **more,
        )  # fmt: skip

    def _on_device(self, found: Any) -> Tokens:
        names = ("input_ids",) if self.is_siglip else ("input_ids", "attention_mask")
        return {name: found[name].to(self.placement.device) for name in names}

    def _fits(self, text: str) -> bool:
        return self._fit([text])[0]

    def _fit(self, texts: Sequence[str]) -> list[bool]:
        ids = self.tokenizer(self._prefixed(texts))["input_ids"] if texts else []
        return [len(own) <= self.limit for own in ids]

    def _prefixed(self, texts: Sequence[str]) -> list[str]:
        return [self.prefix + text for text in texts]


class Parts(NamedTuple):
    """A sentence in the parts in which it is read, and the vector of its image."""

    windows: list[Window]
    image: torch.Tensor


def parts_of(
    encoder: DualEncoder, requests: Sequence[ScoringRequest], *, allow_parts: bool
) -> list[Parts | ItemFailure]:
    """Returns the sentences ready to be scored, images embedded once each.

    Args:
        encoder: The model.
        requests: Sentences with their images.
        allow_parts: Whether a sentence that is too long is scored in parts, or fails.
    """
    images = encoder.images_of(requests)
    found: list[Parts | ItemFailure] = []
    cuts = encoder.windows([request.text for request in requests])
    for request, cut in zip(requests, cuts, strict=True):
        image = images[request.image_id]
        if isinstance(image, ItemFailure):
            found.append(image)
        elif not cut:
            found.append(ItemCode.SENTENCE_EMPTY.failure("The sentence has no words."))
        elif len(cut) > 1 and not allow_parts:
            message = f"The sentence has more than the {encoder.limit} tokens that are read."
            found.append(ItemCode.SENTENCE_TOO_LONG.failure(message))
        else:
            found.append(Parts(cut, image))
    return found


def weighted_mean(values: Sequence[float], cut: Sequence[Window]) -> float:
    """Returns the mean of the parts' values, by their length in characters."""
    lengths = [window.end - window.start for window in cut]
    return sum(v * n for v, n in zip(values, lengths, strict=True)) / sum(lengths)


def _load(
    repo: str,
    revision: str | None,
    options: InProcessOptions,
    placement: Placement,
    attention: dict[str, str] | None,
    processor: str,
) -> tuple[Any, Any, Any]:
    weights = find_weights(repo, revision)
    source = {"revision": weights.revision, "trust_remote_code": options.trust_remote_code}
    asked = options.attention if attention is None else attention
    chosen = {} if asked == "auto" else {"attn_implementation": asked}
    with loading(weights):
        model, report = AutoModel.from_pretrained(
            weights.source,
            dtype=placement.dtype,
            use_safetensors=True,
            **REPORTED,
            **chosen,
            **source,
        )
        parts = source
        place = weights.source
        if processor:
            place, parts = str(local_folder(processor) or processor), {}
        images = AutoImageProcessor.from_pretrained(place, **parts)
        tokenizer = AutoTokenizer.from_pretrained(place, **parts)
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise ModelShapeError(
            f"{weights.source} is a {type(model).__name__}, which has no image and text tower.",
            "Name a CLIP or SigLIP model.",
        )
    check_complete(LoadedTensors.of(report), weights.source)
    model.to(placement.device).eval().requires_grad_(False)
    return model, images, tokenizer


def _unit(output: Any) -> torch.Tensor:
    # A tensor in transformers 4, an object around it in 5.
    vectors: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    lengths: torch.Tensor = vectors.norm(dim=-1, keepdim=True)
    return vectors / lengths
