"""Sampling with a generator for each row draws from the distribution that it should."""

import torch

from alignbench.models.in_process.sampling import SeededNoise, seeded_sampling

TOKENS = torch.zeros(1, 1, dtype=torch.long)


def shares(logits: torch.Tensor, **options: float | None) -> torch.Tensor:
    steps = seeded_sampling(
        SeededNoise(range(20_000)), **{"temperature": 1, "top_k": None, "top_p": None, **options}
    )  # type: ignore[arg-type]
    drawn = steps(TOKENS, logits.repeat(20_000, 1)).argmax(dim=1)
    return torch.bincount(drawn, minlength=logits.shape[-1]) / 20_000


def test_tokens_come_as_often_as_their_probability() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    assert torch.allclose(shares(logits), logits.softmax(-1), atol=0.015)
    assert torch.allclose(shares(logits, temperature=0.5), (2 * logits).softmax(-1), atol=0.015)


def test_tokens_outside_top_k_and_top_p_never_come() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    assert shares(logits, top_k=2)[2:].sum() == 0
    assert shares(logits, top_p=0.5)[1:].sum() == 0


def test_a_row_s_draw_does_not_depend_on_its_neighbours() -> None:
    logits = torch.randn(3, 50)
    together = seeded_sampling(SeededNoise([5, 6, 7]), 1.0, None, None)(TOKENS, logits)
    alone = seeded_sampling(SeededNoise([6]), 1.0, None, None)(TOKENS, logits[1:2])
    assert torch.equal(together[1], alone[0])
