"""Real photographs with captions of known faults: the input of `alignbench demo`.

The photographs come from installed wheels; captions and answer key lie beside this file. Where each
photograph comes from, and how the captions were made, is in `README.md`.
"""

from alignbench.scenes.photographs.files import copy_inputs, photograph_files
from alignbench.scenes.photographs.key import CaptionKey, TextRange, answer_key, sentence_truth

__all__ = [
    "CaptionKey",
    "TextRange",
    "answer_key",
    "copy_inputs",
    "photograph_files",
    "sentence_truth",
]
