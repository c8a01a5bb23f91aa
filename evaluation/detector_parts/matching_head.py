"""BLIP's and BLIP-2's heads that were trained to tell whether a text belongs to an image.

Li et al., 2022, "BLIP", section 3.2 (ITM); Li et al., 2023, "BLIP-2", section 3.2. The text is read
with the image in sight, not apart from it as by a dual encoder.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoTokenizer,
    Blip2ForImageTextRetrieval,
    BlipForImageTextRetrieval,
)

from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.complete_weights import (
    REPORTED,
    LoadedTensors,
    check_complete,
    without_idle,
)
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import find_weights

_CLASSES: Final = {"blip": BlipForImageTextRetrieval, "blip-2": Blip2ForImageTextRetrieval}
_MATCHES: Final = 1
"""Which of the head's two numbers stands for a match."""


class MatchingHead:
    """A model with such a head, loaded once.

    Args:
        repo: A repository on the hub, a folder, or `package:name/folder`.
        revision: A commit, or what `resolve_revision` gave.
        options: How it is run.

    Raises:
        PickledWeightsError: Its weights are not safetensors.
        ModelNotFoundError: It cannot be had.
        ModelShapeError: It is of another family.
        IncompleteWeightsError: Its files lack the head, or other weights.
    """

    def __init__(self, repo: str, revision: str | None, options: InProcessOptions) -> None:
        self._placement = choose_placement(options)
        weights = find_weights(repo, revision)
        trusted = {"revision": weights.revision, "trust_remote_code": options.trust_remote_code}
        attention = (
            {} if options.attention == "auto" else {"attn_implementation": options.attention}
        )
        with loading(weights):
            family = AutoConfig.from_pretrained(weights.source, **trusted).model_type
            if family not in _CLASSES:
                raise ModelShapeError(
                    f"{weights.source} is of family {family}, which has no matching head.",
                    "Name a BLIP or BLIP-2 model that was saved for image-text retrieval.",
                )
            model, report = _CLASSES[family].from_pretrained(
                weights.source,
                dtype=self._placement.dtype,
                use_safetensors=True,
                **REPORTED,
                **attention,
                **trusted,
            )
            self._images = AutoImageProcessor.from_pretrained(weights.source, **trusted)
            self._tokenizer = AutoTokenizer.from_pretrained(weights.source, **trusted)
        self._model: Any = model.to(self._placement.device).eval().requires_grad_(False)
        self._read: Callable[..., torch.Tensor] = (
            self._read_by_blip if family == "blip" else self._read_by_blip_2
        )
        text = model.config.text_config if family == "blip" else model.config.qformer_config
        self.limit = int(min(text.max_position_embeddings, self._tokenizer.model_max_length))
        loaded = LoadedTensors.of(report)
        if loaded.missing and not loaded.mismatched:
            loaded = without_idle(model, loaded, self._try_out)
        check_complete(loaded, weights.source)

    def length(self, text: str) -> int:
        """Returns how many tokens a text has, those that begin and end it too."""
        return len(self._tokenizer(text)["input_ids"])

    @torch.inference_mode()
    def see(self, image: Image.Image) -> torch.Tensor:
        """Returns what the model sees in an image (1, places, width), to be read beside texts."""
        pixels = self._images(images=image, return_tensors="pt")["pixel_values"]
        pixels = pixels.to(self._placement.device, self._placement.dtype)
        seen: torch.Tensor = self._model.vision_model(pixel_values=pixels).last_hidden_state
        return seen

    @torch.inference_mode()
    def margins(self, seen: torch.Tensor, texts: Sequence[str]) -> list[float]:
        """Returns the log odds that each text belongs to an image.

        Args:
            seen: As `see` gave it.
            texts: None longer than `limit`.
        """
        found = self._tokenizer(list(texts), padding=True, return_tensors="pt")
        ids, mask = (found[n].to(seen.device) for n in ("input_ids", "attention_mask"))
        shown = seen.expand(len(texts), -1, -1)
        places = torch.ones(shown.shape[:2], dtype=torch.long, device=seen.device)
        both = self._read(ids, mask, shown, places).float()
        return (both[:, _MATCHES] - both[:, 1 - _MATCHES]).tolist()

    def _read_by_blip(
        self, ids: torch.Tensor, mask: torch.Tensor, shown: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        read = self._model.text_encoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=shown,
            encoder_attention_mask=places,
        )
        both: torch.Tensor = self._model.itm_head(read.last_hidden_state[:, 0])
        return both

    def _read_by_blip_2(
        self, ids: torch.Tensor, mask: torch.Tensor, shown: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        queries = self._model.query_tokens.expand(len(ids), -1, -1)
        count = queries.shape[1]
        asked = torch.ones(queries.shape[:2], dtype=torch.long, device=ids.device)
        read = self._model.qformer(
            query_embeds=self._model.embeddings(input_ids=ids, query_embeds=queries),
            query_length=count,
            attention_mask=torch.cat([asked, mask], dim=1),
            encoder_hidden_states=shown,
            encoder_attention_mask=places,
        ).last_hidden_state
        head = self._model.itm_head
        both: torch.Tensor = head(read[:, :count].to(head.weight.dtype)).mean(dim=1)
        return both

    def _try_out(self) -> list[torch.Tensor]:
        seen = self.see(Image.new("RGB", (64, 64), (200, 30, 30)))
        return [torch.tensor(self.margins(seen, ["A red ground."]))]
