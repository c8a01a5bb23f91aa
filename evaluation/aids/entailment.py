"""Whether one text entails another, by a model of natural language inference (NLI)."""

from typing import Any, Final, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from alignbench.evaluation.errors import ModelShapeError
from alignbench.models.in_process.complete_weights import REPORTED, LoadedTensors, check_complete
from alignbench.models.in_process.loading import loading
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.weights import find_weights, resolve_revision

_BATCH: Final = 32

Pair = tuple[str, str]
"""A premise and a hypothesis."""


class _Labels(NamedTuple):
    """Places of the two labels that count; a third one, neutral, is thrown away."""

    contradiction: int
    entailment: int


class EntailmentModel:
    """A sequence classifier with labels for entailment and contradiction, loaded once.

    Args:
        repo: A repository on the hub, or a folder.
        options: How it is run.

    Raises:
        ModelNotFoundError: It cannot be had.
        PickledWeightsError: Its weights are not safetensors.
        IncompleteWeightsError: Its files lack some of its weights.
        ModelShapeError: Its labels are not those of NLI.
    """

    def __init__(self, repo: str, options: InProcessOptions | None = None) -> None:
        chosen = options or InProcessOptions()
        placement = choose_placement(chosen)
        self.revision = resolve_revision(repo)
        weights = find_weights(repo, self.revision)
        source: dict[str, Any] = {"revision": weights.revision, "trust_remote_code": False}
        with loading(weights):
            model, report = AutoModelForSequenceClassification.from_pretrained(
                weights.source, dtype=placement.dtype, use_safetensors=True, **REPORTED, **source
            )
            self._tokenizer = AutoTokenizer.from_pretrained(weights.source, **source)
        check_complete(LoadedTensors.of(report), weights.source)
        self._labels = _labels(model.config.label2id, repo)
        self._model = model.to(placement.device).eval().requires_grad_(False)

    def entails(self, pairs: list[Pair]) -> list[float]:
        """Returns for each pair the probability of entailment over that of contradiction as well.

        A premise that is too long is cut at its end, as in CLIP4DM's published code.
        """
        found: list[float] = []
        for start in range(0, len(pairs), _BATCH):
            found += self._probabilities(pairs[start : start + _BATCH])
        return found

    @torch.inference_mode()
    def _probabilities(self, pairs: list[Pair]) -> list[float]:
        premises, hypotheses = zip(*pairs, strict=True)
        given = self._tokenizer(
            list(premises), list(hypotheses), truncation="only_first", padding=True,
            return_tensors="pt",
        )  # fmt: skip
        logits = self._model(**given.to(self._model.device)).logits.float()
        told = logits[:, [self._labels.contradiction, self._labels.entailment]].softmax(dim=1)
        return [float(share) for share in told[:, 1]]


def _labels(places: dict[str, int], repo: str) -> _Labels:
    found = {name.lower(): place for name, place in places.items()}
    try:
        return _Labels(
            next(place for name, place in found.items() if name.startswith("contradict")),
            next(place for name, place in found.items() if name.startswith("entail")),
        )
    except StopIteration:
        raise ModelShapeError(
            f"{repo} has the labels {', '.join(places)}, not entailment and contradiction.",
            "Name a model of natural language inference, such as facebook/bart-large-mnli.",
        ) from None
