"""Whether a model's cache gives the likelihood of one uniform pass, and which pass is right.

A pass is right if what is written later changes nothing that was written before. Some models read
what is given to them in both directions, and tell it from what is written by a type of each token.
"""

from dataclasses import dataclass
from typing import Final

import torch

from alignbench.models.in_process.cached_pass import cached_text_scores
from alignbench.models.in_process.forward_pass import begun, placed_inputs, text_scores
from alignbench.models.in_process.model_inputs import Tensors
from alignbench.models.in_process.probes.agreement import agree, rounding
from alignbench.models.in_process.probes.asking import LIBRARY_ERRORS, probe_question
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language import VisionLanguageModel

_TEXTS: Final = ("A red disc on a blue ground, and nothing else.", "Two cups.")
_KINDS: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class LikelihoodFinding:
    """How sentences are put through a model.

    Attributes:
        kind: The type that a sentence's tokens have, see `extended`; None if with none of them a
            token's score stays as it is when others follow.
        full: Mean log probability of the probe's sentences, by the uniform pass.
        cached: The same by the cache; None where that failed.
        reason: Why the cache is not used; empty if it is.
    """

    kind: int | None
    full: tuple[float, ...] = ()
    cached: tuple[float, ...] | None = None
    reason: str = ""

    @property
    def is_cache_right(self) -> bool:
        """Whether the cache may be used."""
        return self.kind is not None and not self.reason


def mean_log_probabilities(
    scores: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Returns the mean log probability of each text's tokens (texts).

    Args:
        scores: (texts, length, vocabulary).
        ids: (texts, length).
        mask: Where there are any (texts, length).
    """
    told = torch.log_softmax(scores.float(), dim=-1).gather(2, ids.unsqueeze(2)).squeeze(2)
    total: torch.Tensor = (told * mask).sum(dim=1) / mask.sum(dim=1)
    return total


def padded(model: VisionLanguageModel, texts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the tokens of texts, filled up on the right (texts, longest), and where any are."""
    longest = max(map(len, texts))
    padding = model.tokenizer.pad_token_id
    rows = [[*tokens, *[padding] * (longest - len(tokens))] for tokens in texts]
    mask = [[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in texts]
    device = model.model.device
    return torch.tensor(rows, device=device), torch.tensor(mask, device=device)


def probe_likelihood(model: VisionLanguageModel, instruction: str | None) -> LikelihoodFinding:
    """Compares the cache with the uniform pass, on one picture and sentences of two lengths.

    Args:
        model: A loaded model.
        instruction: What comes before a sentence.
    """
    asked = instruction if instruction is not None else probe_question(model)
    return model.remembered.found(
        "likelihood",
        LikelihoodFinding,
        lambda: _probed(model, asked),
        is_good=lambda finding: finding.is_cache_right,
        given=[model.asking.name, asked],
    )


def _probed(model: VisionLanguageModel, asked: str | None) -> LikelihoodFinding:
    placed = placed_inputs(model, [probe_pictures().small], asked, close_thought=True)
    inputs = begun(model, placed)
    texts = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in _TEXTS]
    ids, mask = padded(model, texts)
    kind = next((kind for kind in _KINDS if _is_causal(model, inputs, ids, kind)), None)
    if kind is None:
        return LikelihoodFinding(None, reason="What follows a token changes its score.")
    scores = text_scores(model, inputs, ids, mask, kind)
    full = mean_log_probabilities(scores, ids, mask)
    told = tuple(full.tolist())
    try:
        cached = mean_log_probabilities(cached_text_scores(model, inputs, ids, mask), ids, mask)
    except torch.OutOfMemoryError:
        raise
    except LIBRARY_ERRORS as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return LikelihoodFinding(kind, told, reason=reason)
    if agree(full, cached, rounding(scores, model.model.dtype)):
        return LikelihoodFinding(kind, told, tuple(cached.tolist()))
    reason = "The cache gives other numbers than the whole text."
    return LikelihoodFinding(kind, told, tuple(cached.tolist()), reason)


def _is_causal(model: VisionLanguageModel, inputs: Tensors, ids: torch.Tensor, kind: int) -> bool:
    """Tells whether the first half's scores are the same with another second half behind it."""
    half = ids.shape[1] // 2
    first = ids[:1, : 2 * half]
    both = torch.cat([first, torch.cat([first[:, :half], first[:, :half]], dim=1)])
    scores = text_scores(model, inputs, both, torch.ones_like(both), kind)[:, :half]
    own = scores.log_softmax(dim=-1).gather(2, both[:, :half].unsqueeze(2))
    return agree(own[0], own[1], rounding(scores, model.model.dtype))
