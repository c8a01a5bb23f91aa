"""Tiny models that write letters, or digits, and little else.

A model of random weights writes bytes that are no text, and tokens that stand for images. What it
wrote could then not be given back to it, nor be a number. Its last matrix is made so that the
wanted tokens win: how the rest of the model reads and counts is left as it is.
"""

import json
import shutil
import string
from pathlib import Path
from typing import Any, Final

import torch
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoTokenizer,
    VisionEncoderDecoderModel,
)

LETTERS: Final = string.ascii_letters
DIGITS: Final = string.digits
_LOUD, _QUIET = 4.0, 0.001
"""Lengths of a token's row in the last matrix: how far its scores reach."""


def load_plainly(folder: Path) -> Any:
    """Loads a model as the library's own pages say."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    if kind == "vision-encoder-decoder":
        return VisionEncoderDecoderModel.from_pretrained(folder, dtype=torch.float32)
    known = AutoModelForImageTextToText._model_mapping  # the library offers no public question
    is_known = type(AutoConfig.from_pretrained(folder)) in known
    kinds = AutoModelForImageTextToText if is_known else AutoModelForMultimodalLM
    return kinds.from_pretrained(folder, dtype=torch.float32)


def save_speaking(model_folder: Path, letters: str, folder: Path) -> Path:
    """Saves a copy of a model that writes only some letters, without an end.

    Its chat template is made to end in a line break: after one, an answer begins without a space.
    """
    shutil.copytree(model_folder, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = load_plainly(folder)
    with torch.no_grad():
        rows = _last_matrix(model)
        length = torch.full((len(rows), 1), _QUIET)
        length[tokenizer.convert_tokens_to_ids(list(letters))] = _LOUD
        rows.mul_(length / rows.norm(dim=1, keepdim=True).clamp_min(1e-6))
    model.save_pretrained(folder)
    template = folder / "chat_template.jinja"
    if template.exists() and "<think>" not in template.read_text():
        template.write_text(template.read_text() + "{{ '\n' }}")
    return folder


def _last_matrix(model: Any) -> torch.Tensor:
    """Returns the weights (vocabulary, width) that give each token its score."""
    parts = [part for part in model.modules() if hasattr(part, "get_output_embeddings")]
    found = [part.get_output_embeddings() for part in parts]
    weight: torch.Tensor = next(layer.weight for layer in found if layer is not None)
    return weight
