"""A detector that gives a sentence and a picture one number: dual encoders, matching heads."""

import io
from collections.abc import Iterator
from itertools import product

from PIL import Image
from transformers import AutoConfig

from alignbench.doctor.check_result import CheckResult
from alignbench.doctor.model_check.subject import Subject
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.detection import ScoringRequest, SentenceScore

_SENTENCES = ("A red disc lies on a blue ground.", "Two cups stand on a table.")
_ROUNDING = 1e-3


def read(subject: Subject) -> Iterator[CheckResult]:
    """Yields which kind of model it is."""
    weights = find_weights(subject.repo, subject.revision)
    with loading(weights):
        config = AutoConfig.from_pretrained(weights.source, revision=weights.revision)
    yield CheckResult("files", "ok", f"a model of family {config.model_type}, in safetensors")


def tried(subject: Subject) -> Iterator[CheckResult]:
    """Yields whether its scores depend on picture and sentence, and on nothing else."""
    detector = subject.load()
    yield CheckResult("weights", "ok", "all there")
    pictures = probe_pictures()
    requests = [
        ScoringRequest(f"{name} {place}", sentence, name, _png(picture))
        for (name, picture), (place, sentence) in product(
            (("small", pictures.small), ("other", pictures.other)), enumerate(_SENTENCES)
        )
    ]
    results = detector.score(requests)
    failures = [result for result in results if not isinstance(result, SentenceScore)]
    if failures:
        yield CheckResult(
            "scores", "missing", f"{failures[0].code}: {failures[0].message}",
            "Most sentences would fail; set what the message says.",
        )  # fmt: skip
        return
    scores = [result.score for result in results]
    told = ", ".join(f"{score:.4f}" for score in scores)
    if len(set(scores)) < len(scores):
        yield CheckResult(
            "scores", "missing", f"pictures or sentences play no part: {told}",
            "Do not use it.",
        )  # fmt: skip
        return
    yield CheckResult("scores", "ok", told)
    alone = [detector.score([request])[0] for request in requests]
    far = max(
        abs(score - single.score) if isinstance(single, SentenceScore) else float("inf")
        for score, single in zip(scores, alone, strict=True)
    )
    if far <= _ROUNDING:
        yield CheckResult("batch", "ok", "scores in a batch as alone")
    else:
        yield CheckResult(
            "batch", "note", f"scores change by up to {far:.4f} in a batch", "Set forward_batch=1."
        )


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
