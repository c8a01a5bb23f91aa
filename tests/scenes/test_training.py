"""Training as `python -m alignbench.scenes.train` does it, for two steps."""

import hashlib
from pathlib import Path

import pytest
import torch

from alignbench.scenes.training.cards import CHECKSUMS, write_card, write_checksums
from alignbench.scenes.training.fitting import Run
from alignbench.scenes.training.recipes import RECIPES

RUN = Run(steps=2, scenes=24, seed=1)


def trained(name: str, folder: Path) -> dict[str, bytes]:
    torch.manual_seed(RUN.seed)
    RECIPES[name].train(folder, RUN)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.safetensors")
    }


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_trains_the_same_weights(name: str, tmp_path: Path) -> None:
    once, again = (trained(name, tmp_path / folder) for folder in ("once", "again"))
    assert once
    assert once == again


def test_a_card_says_how_a_model_was_trained_and_checksums_cover_it(tmp_path: Path) -> None:
    name = "scenes-ved"
    torch.manual_seed(RUN.seed)
    fitted = RECIPES[name].train(tmp_path / name, RUN)
    write_card(tmp_path / name, name, RECIPES[name], RUN, fitted, 12.3)
    write_checksums(tmp_path)
    card = (tmp_path / name / "README.md").read_text(encoding="utf-8")
    assert "`python -m alignbench.scenes.train scenes-ved`" in card
    assert "| 2 |" in card
    assert "| 12 |" in card
    sums = (tmp_path / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    digest = hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest()
    assert f"{digest}  {name}/model.safetensors" in sums
    assert any(line.endswith(f"  {name}/README.md") for line in sums)
