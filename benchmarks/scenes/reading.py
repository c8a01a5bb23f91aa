"""How often the oracle reads drawn scenes from their pixels alone, and how often it is right."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from alignbench.scenes.describing import describe
from alignbench.scenes.drawing import draw_scene
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.scene import Scene
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.vocabulary import Verdict
from benchmarks.scenes.figures import show

_SIDES = (256, 64, 48)


def print_oracle(drawn: Sequence[Scene]) -> None:
    """Compares what is read from pixels with what is known, on right and wrong sentences."""
    for side in _SIDES:
        units = []
        for scene, other in zip(drawn, [*drawn[1:], drawn[0]], strict=True):
            picture = _encoded(draw_scene(scene).resize((side, side), Image.Resampling.BICUBIC))
            said = [*describe(scene), *describe(other)]
            units.append([(truth_of(scene, one), truth_of(picture, one)) for one in said])
        where = f"on scenes drawn at {side} pixels"
        show(f"pixel oracle, sentences that it decides, {where}", units, _decided)
        show(f"pixel oracle, right verdicts of those it decides, {where}", units, _right_of_decided)


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def _decided(units: Sequence[Sequence[tuple[SentenceTruth, SentenceTruth]]]) -> float:
    return float(np.mean([b.verdict is not Verdict.UNKNOWN for unit in units for _, b in unit]))


def _right_of_decided(units: Sequence[Sequence[tuple[SentenceTruth, SentenceTruth]]]) -> float:
    pairs = [pair for unit in units for pair in unit if pair[1].verdict is not Verdict.UNKNOWN]
    return float(np.mean([known.verdict is read.verdict for known, read in pairs]))
