"""Scores of as many detectors and generating models as a paper compares."""

from dataclasses import replace

import pyarrow as pa

from alignbench.evaluation.scores.scored import Scored, Sentences
from tests.evaluation.sentences import made_scores, made_sentences

MODELS = ("ShareGPT4V", "LLaVA-1.6", "Qwen2-VL", "GPT-4o", "CogVLM", "Llama-4-109B", "SD-3.5",
          "gpt-image-1")  # fmt: skip
DETECTORS = (
    "TripletCLIP", "SigLIP", "BLIP-2", "Phi-4", "clip-vit-b-32", "clip-vit-l-14",
    "siglip2-so400m", "clip4dm-vit-l-14", "LLaVA-1.6-7B", "LLaVA-1.6-13B", "LLaVA-OneVision-7B",
    "Qwen2-VL-7B", "Qwen2.5-VL-7B", "Qwen2.5-VL-72B", "Qwen3-VL-8B", "InternVL3-8B",
    "InternVL3-78B", "Gemma-3-12B", "Gemma-3-27B", "Llama-4-109B", "Mistral-3.1-24B",
    "CogVLM2-19B", "GPT-4o-mini", "GPT-4o", "sentence_length",
)  # fmt: skip
DOMAINS = ("nature", "food", "object", "building", "animal")
_WEAKEST, _STEP = 0.1, 0.06


def many_sentences(number: int, images: int) -> Sentences:
    """Returns sentences of eight models about images of five domains."""
    made = made_sentences(number, images, MODELS)
    domains = pa.array([DOMAINS[int(name, 16) % 5] for name in made.table["image_id"].to_pylist()])
    place = made.table.column_names.index("domain")
    table = made.table.set_column(place, "domain", domains)
    return Sentences.of(table, {"GPT-4o": "gpt", "Llama-4-109B": "llama"})


def many_scores(sentences: Sentences) -> list[Scored]:
    """Returns the scores of 25 detectors, each a little better than the one before."""
    families = {"GPT-4o": "gpt", "GPT-4o-mini": "gpt", "Llama-4-109B": "llama"}
    return [
        replace(
            made_scores(sentences, name, _WEAKEST + _STEP * place, seed=place),
            family=families.get(name, name),
        )
        for place, name in enumerate(DETECTORS)
    ]
