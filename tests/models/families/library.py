"""A model run as the library's own pages run it: one picture, one question, `generate`.

What AlignBench gives is compared with this. The two share the files and the library, and no code.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer

from alignbench.schemas.ids import JsonValue
from tests.models.families.speaking import load_plainly


class Written(NamedTuple):
    """What a model wrote, and the mean log probability of its tokens, their end not counted."""

    text: str
    mean_log_probability: float


class LibraryModel:
    """A saved model, loaded plainly.

    Args:
        folder: Where it is.
        template_options: What its chat template is given beside the messages.
    """

    def __init__(self, folder: Path, template_options: Mapping[str, JsonValue]) -> None:
        self._template_options = dict(template_options)
        self._model = load_plainly(folder).eval()
        self._processor = AutoProcessor.from_pretrained(folder)
        self._images_only = self._model.config.model_type == "vision-encoder-decoder"
        if self._images_only:
            self._processor = AutoImageProcessor.from_pretrained(folder)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def write(self, image: Image.Image, question: str | None, tokens: int) -> Written:
        """Returns what it writes, the likeliest token each time."""
        inputs = self._inputs(image, question)
        output = self._model.generate(
            **inputs, max_new_tokens=tokens, do_sample=False, return_dict_in_generate=True,
            output_logits=True,
        )  # fmt: skip
        told = torch.stack([step[0] for step in output.logits]).float().log_softmax(dim=1)
        written = output.sequences[0, -len(told) :]
        told = told.gather(1, written.unsqueeze(1)).squeeze(1)
        is_text = written != self.tokenizer.eos_token_id
        text = self.tokenizer.decode(written[is_text])
        return Written(text, float(told[is_text].mean()))

    @torch.inference_mode()
    def yes_share(self, image: Image.Image, question: str) -> float:
        """Returns the probability of yes over that of yes and no, as an answer's first letter."""
        output = self._model.generate(
            **self._inputs(image, question), max_new_tokens=1, do_sample=False,
            return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
        scores = output.logits[0][0].float()
        words = [
            [self.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in words]
            for words in (("yes", "Yes"), ("no", "No"))
        ]
        yes, no = (scores[own].logsumexp(dim=0) for own in words)
        return float(torch.sigmoid(yes - no))

    def _inputs(self, image: Image.Image, question: str | None) -> Any:
        # Llama 4's processor gives numbers of 16 bits.
        return self._processed(image, question).to(torch.float32)

    def _processed(self, image: Image.Image, question: str | None) -> Any:
        if self._images_only or question is None:
            return self._processor(images=image, return_tensors="pt")
        if getattr(self._processor, "chat_template", None):
            content = [{"type": "image", "image": image}, {"type": "text", "text": question}]
            return self._processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True,
                return_dict=True, return_tensors="pt", **self._template_options,
            )  # fmt: skip
        if self.tokenizer.chat_template:  # it takes no parts, so the picture is written out
            said = [{"role": "user", "content": f"{self._processor.image_token}{question}"}]
            question = self.tokenizer.apply_chat_template(
                said, add_generation_prompt=True, tokenize=False
            )
        return self._processor(images=image, text=question, return_tensors="pt")
