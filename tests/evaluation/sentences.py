"""Sentences and scores made from nothing, of a known strength."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from alignbench.evaluation.scores.scored import Scored, Sentences

SPAN = pa.list_(
    pa.struct(
        [
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("type", pa.string()),
            ("text", pa.string()),
            ("votes", pa.int32()),
        ]
    )
)
TYPES = ("object", "number", "relation")
DOMAINS = ("food", "animal")


def made_sentences(
    n: int,
    images: int,
    models: Sequence[str] = ("careful", "hasty"),
    seed: int = 0,
    correct: float = 0.8,
) -> Sentences:
    random = np.random.default_rng(seed)
    image = np.sort(random.integers(0, images, n))
    right = random.random(n) < correct
    spans = [
        [] if good else [{"start": 4, "end": 7, "type": "object", "text": "red", "votes": 2}]
        for good in right
    ]
    table = pa.table(
        {
            "model": [models[k] for k in random.integers(0, len(models), n)],
            "image_name": [f"{k}.png" for k in image],
            "sentence_index": pa.array(random.integers(0, 8, n), pa.int32()),
            "caption": [f"The red ball{' there' * (k % 5)}." for k in range(n)],
            "annotation": ["correct" if good else "incorrect" for good in right],
            "error_type": [
                None if good else TYPES[k]
                for good, k in zip(right, random.integers(0, 3, n), strict=True)
            ],
            "error_spans": pa.array(spans, SPAN),
            "sentence_id": [f"{k:032x}" for k in range(n)],
            "image_id": [f"{k:064x}" for k in image],
            "domain": [DOMAINS[k % 2] for k in image],
        }
    )
    return Sentences.of(table)


def made_scores(
    sentences: Sentences, name: str, strength: float, seed: int = 1, family: str = ""
) -> Scored:
    random = np.random.default_rng(seed)
    scores = strength * sentences.correct + random.normal(0, 1, len(sentences))
    return Scored(name, family or name, scores, ("scored",) * len(sentences))
