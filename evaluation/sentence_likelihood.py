"""How likely a captioner finds a sentence, given the image: mean log probability of its tokens.

The image, and what is asked, go through the model once for all sentences of the image; sentences go
on from there. HalDec-Bench plots values of that size by position.
"""

from collections.abc import Sequence
from typing import Any, Final

import torch
from PIL import Image
from transformers.modeling_outputs import BaseModelOutput

from alignbench.models.in_process.placement import Placement
from alignbench.models.in_process.vision_language import VisionLanguageModel

DESCRIBE: Final = "Describe this image in detail."
"""What a model that writes only when asked is asked if nothing else is said."""


class SentenceLikelihood:
    """A captioner that is asked for probabilities, and not for text.

    Args:
        model: A loaded captioner.
        placement: Where it is.
        instruction: What comes before the sentence; a default for chat models if None.
    """

    def __init__(
        self, model: VisionLanguageModel, placement: Placement, instruction: str | None
    ) -> None:
        self.model, self._placement = model, placement
        self._instruction = instruction or (DESCRIBE if model.chat else None)
        # After "ASSISTANT:" a sentence begins with a space, and its first token with one.
        prompt = model.prompt(self._instruction) if model.chat else ""
        self._lead = " " if prompt and not prompt[-1].isspace() else ""
        config = model.model.config
        text = getattr(config, "text_config", None) or getattr(config, "decoder", None) or config
        self.limit: int = getattr(text, "max_position_embeddings", 10**6)

    def tokens(self, sentence: str) -> list[int]:
        """Returns a sentence's tokens, without those that begin and end a text."""
        ids = self.model.tokenizer(self._lead + sentence, add_special_tokens=False)["input_ids"]
        return [int(token) for token in ids]

    @torch.inference_mode()
    def means(self, image: Image.Image, sentences: Sequence[Sequence[int]]) -> list[float]:
        """Returns the mean log probability of each sentence's tokens.

        Args:
            image: In RGB.
            sentences: Their tokens, one at least each.
        """
        inputs = self.model.prepare([image], self._instruction)
        inputs = inputs.to(self._placement.device, self._placement.dtype)
        ids, mask = self._padded(sentences)
        if self.model.family == "vision-encoder-decoder":
            logits = self._decoded(inputs, ids)
        elif self.model.family == "blip":
            logits = self._written(inputs, ids, mask)
        elif self.model.family == "git":
            logits = self._whole(inputs, ids, mask)
        else:
            logits = self._continued(inputs, ids, mask)
        told = torch.log_softmax(logits.float(), dim=-1).gather(2, ids.unsqueeze(2)).squeeze(2)
        total = (told * mask).sum(dim=1) / mask.sum(dim=1)
        return [float(value) for value in total]

    def _padded(self, sentences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns tokens (sentences, longest), and where there are any."""
        longest = max(map(len, sentences))
        padding = self.model.tokenizer.pad_token_id
        rows = [[*tokens, *[padding] * (longest - len(tokens))] for tokens in sentences]
        mask = [[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in sentences]
        device = self._placement.device
        return torch.tensor(rows, device=device), torch.tensor(mask, device=device)

    def _decoded(self, inputs: Any, ids: torch.Tensor) -> torch.Tensor:
        """Returns the scores of each token, of a model with an encoder and a decoder."""
        model = self.model.model
        seen = model.encoder(pixel_values=inputs["pixel_values"]).last_hidden_state
        start = model.config.decoder_start_token_id
        if start is None:
            start = model.generation_config.decoder_start_token_id
        before = torch.full_like(ids[:, :1], start)
        output: torch.Tensor = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=seen.repeat(len(ids), 1, 1)),
            decoder_input_ids=torch.cat([before, ids[:, :-1]], dim=1),
        ).logits
        return output

    def _written(self, inputs: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns the scores of each token, of BLIP: its decoder looks at the image all along."""
        model = self.model.model
        seen = model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state
        begin = model.config.text_config.bos_token_id
        asked = [begin]
        if self._instruction is not None:
            asked += self.model.tokenizer(self._instruction, add_special_tokens=False)["input_ids"]
        before = torch.tensor([asked], device=ids.device).expand(len(ids), -1)
        given = torch.cat([before, ids], dim=1)
        whole = torch.cat([torch.ones_like(before), mask], dim=1)
        output: torch.Tensor = model.text_decoder(
            input_ids=given,
            attention_mask=whole,
            encoder_hidden_states=seen.repeat(len(ids), 1, 1),
        ).logits
        return output[:, len(asked) - 1 : -1]

    def _whole(self, inputs: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns the scores of each token, of GIT: its cache counts places otherwise."""
        model, tokenizer = self.model.model, self.model.tokenizer
        asked = [tokenizer.bos_token_id if tokenizer.bos_token_id is not None
                 else tokenizer.cls_token_id]  # fmt: skip
        if self._instruction is not None:
            asked += tokenizer(self._instruction, add_special_tokens=False)["input_ids"]
        before = torch.tensor([asked], device=ids.device).repeat(len(ids), 1)
        output: torch.Tensor = model(
            pixel_values=inputs["pixel_values"].repeat(len(ids), 1, 1, 1),
            input_ids=torch.cat([before, ids], dim=1),
            attention_mask=torch.cat([torch.ones_like(before), mask], dim=1),
        ).logits
        return output[:, -ids.shape[1] - 1 : -1]

    def _continued(self, inputs: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Returns the scores of each token, of a decoder that has read image and prompt before."""
        model = self.model.model
        read = model(**inputs, use_cache=True)
        first: torch.Tensor = read.logits[:, -1:].expand(len(ids), -1, -1)
        if ids.shape[1] == 1:
            return first
        cache = read.past_key_values
        before = cache.get_seq_length()
        cache.batch_repeat_interleave(len(ids))
        seen = torch.ones(len(ids), before, dtype=mask.dtype, device=mask.device)
        output = model(
            input_ids=ids[:, :-1],
            attention_mask=torch.cat([seen, mask[:, :-1]], dim=1),
            past_key_values=cache,
            use_cache=True,
            **self._positions(before, ids[:, :-1]),
        ).logits
        rest: torch.Tensor = output[:, -(ids.shape[1] - 1) :]
        return torch.cat([first, rest], dim=1)

    def _positions(self, before: int, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Returns the places of a text after an image, for models that count those of images in 2D.

        Behind a cache these models (Qwen-VL and its like) work it out for a single token only.
        """
        shift = getattr(getattr(self.model.model, "model", None), "rope_deltas", None)
        if shift is None:
            return {}
        places = torch.arange(before, before + ids.shape[1], device=ids.device) + shift.to(ids)
        return {"position_ids": places.expand(3, len(ids), -1)}
