"""Whether two ways to the same scores agree, but for rounding.

Scores of different models differ in size, so what counts as rounding is a share of their spread.
"""

from typing import Final

import torch

_SHARE: Final = {torch.float32: 1e-3, torch.float64: 1e-3}
_HALF_SHARE: Final = 5e-2


def rounding(scores: torch.Tensor, dtype: torch.dtype) -> float:
    """Returns the largest difference that is taken for rounding.

    Args:
        scores: Of a vocabulary, in the last axis.
        dtype: What the model reckons in.
    """
    spread = float(scores.float().std(dim=-1).mean())
    return _SHARE.get(dtype, _HALF_SHARE) * max(spread, 1e-6)


def agree(one: torch.Tensor, other: torch.Tensor, limit: float) -> bool:
    """Tells whether two tensors are the same, but for differences up to a limit."""
    return torch.allclose(one.float(), other.float(), atol=limit, rtol=0)
