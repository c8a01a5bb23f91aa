"""How well CLIP tells right from wrong: texts of other scenes, and the captioners' fine errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import roc_auc_score
from transformers import AutoModel, AutoProcessor

from alignbench.scenes.describing import caption, describe
from alignbench.scenes.drawing import draw_scene
from alignbench.scenes.scene import Scene
from benchmarks.scenes.captioning import Captioned
from benchmarks.scenes.figures import show


def print_scores(folder: Path, captioned: Mapping[str, Sequence[Captioned]]) -> None:
    """Prints AUROCs of CLIP's cosines."""
    clip = _Clip(folder)
    drawn = [unit.scene for unit in next(iter(captioned.values()))]
    for what, text_of in (("caption", caption), ("sentence", lambda scene: describe(scene)[0])):
        texts = [text_of(scene) for scene in drawn]
        own = clip.scores(drawn, texts)
        other = clip.scores(drawn, [*texts[1:], texts[0]])
        units = [[(True, a), (False, b)] for a, b in zip(own, other, strict=True)]
        show(f"scenes-clip, AUROC: own {what} or another scene's", units, _auroc)
    for name, written in captioned.items():
        units = []
        for unit in written:
            texts = [said.text for said in unit.sentences]
            scores = clip.scores([unit.scene] * len(texts), texts)
            pairs = zip(unit.sentences, scores, strict=True)
            units.append([(said.is_correct, score) for said, score in pairs])
        show(f"scenes-clip, AUROC: correct sentences of {name} or its wrong ones", units, _auroc)


class _Clip:
    """Cosine between images and texts, by the model's own processor."""

    def __init__(self, folder: Path) -> None:
        self._processor: Any = AutoProcessor.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def scores(self, drawn: Sequence[Scene], texts: Sequence[str]) -> list[float]:
        images = [draw_scene(scene) for scene in drawn]
        inputs = self._processor(images=images, text=list(texts), padding=True, return_tensors="pt")
        output = self._model(**inputs)
        cosines: list[float] = (output.image_embeds * output.text_embeds).sum(dim=1).tolist()
        return cosines


def _auroc(units: Sequence[Sequence[tuple[bool, float]]]) -> float:
    right, scores = zip(*(item for unit in units for item in unit), strict=True)
    return float(roc_auc_score(right, scores)) if len(set(right)) == 2 else float("nan")
