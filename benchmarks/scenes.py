"""How good the tiny models of the drawn world are, and the oracle that says so.

Every figure is a share, with a 95 % interval from a bootstrap over scenes or prompts. New scenes
are drawn, from seeds that no training used. Nothing is planted: the errors are the models' own.

    python -m benchmarks.scenes [--scenes 400] [--prompts 200] [--weights FOLDER]
"""

import argparse
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from transformers import AutoModel, AutoProcessor

import scenes
from generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from generators.image_generators.in_process import (
    DiffusersImageGenerator,
    DiffusersOptions,
    DiffusersParams,
)
from scenes.describing import caption, describe
from scenes.drawing import draw_scene, png
from scenes.oracle import truth_of
from scenes.prompts import sample_prompts
from scenes.sampling import sample_scenes
from scenes.scene import Scene
from scenes.truth import SentenceTruth
from schemas.protocols import CaptionInput, GeneratedImage, Generation
from schemas.vocabulary import Verdict

CAPTIONERS = ("scenes-blip", "scenes-ved")
SEED = 2_000_000
RESAMPLES = 1000
BATCH = 64

Unit = TypeVar("Unit")


class Judged(NamedTuple):
    """A sentence that a captioner wrote for a scene, and what is true of it."""

    text: str
    truth: SentenceTruth

    @property
    def is_correct(self) -> bool:
        """Whether the sentence is true of the scene."""
        return self.truth.verdict is Verdict.CORRECT


class Captioned(NamedTuple):
    """A scene and what a captioner wrote for it."""

    scene: Scene
    sentences: list[Judged]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--weights", type=Path, default=Path(scenes.__path__[0]) / "weights")
    arguments = parser.parse_args()
    drawn = list(sample_scenes(arguments.scenes, SEED))
    print("| share | of | 95 % interval |\n| ---: | --- | --- |")
    oracle_figures(drawn)
    captioned = {name: captions(arguments.weights / name, drawn) for name in CAPTIONERS}
    for name, written in captioned.items():
        captioner_figures(name, written)
    image_figures(arguments.weights / "scenes-diffusion", arguments.prompts)
    clip_figures(arguments.weights / "scenes-clip", captioned)
    for name, written in captioned.items():
        error_types(name, written)


def oracle_figures(drawn: Sequence[Scene]) -> None:
    """Compares what is read from pixels with what is known, on right and wrong sentences."""
    for side in (256, 48):
        units = []
        for scene, other in zip(drawn, [*drawn[1:], drawn[0]], strict=True):
            picture = _encoded(draw_scene(scene).resize((side, side), Image.Resampling.BICUBIC))
            said = [*describe(scene), *describe(other)]
            units.append([(truth_of(scene, s), truth_of(picture, s)) for s in said])
        where = f"on scenes drawn at {side} pixels"
        show(f"pixel oracle, sentences that it decides, {where}", units, _decided)
        show(f"pixel oracle, right verdicts of those it decides, {where}", units, _right_of_decided)


def captioner_figures(name: str, written: Sequence[Captioned]) -> None:
    """Prints how much of what a captioner writes is true."""
    sentences = [unit.sentences for unit in written]
    show(f"{name}, sentences that are correct", sentences, _mean_of(lambda j: j.is_correct))
    unread = _mean_of(lambda judged: judged.truth.verdict is Verdict.UNKNOWN)
    show(f"{name}, sentences that the oracle cannot read", sentences, unread)
    whole = [[all(j.is_correct for j in unit.sentences)] for unit in written]
    show(f"{name}, captions without an error", whole, _mean_of(bool))


def image_figures(folder: Path, count: int) -> None:
    """Prints how many prompts are true of the images made from them, by the pixel oracle."""
    generator = DiffusersImageGenerator(
        str(folder),
        None,
        DiffusersOptions(forward_batch=BATCH),
        DiffusersParams(num_inference_steps=20, guidance_scale=3.0),
    )
    for length in (1, 3):
        prompts = [prompt.text for prompt in sample_prompts(count, length, SEED + length)]
        images = [_data(image) for image in generator.generate(prompts, range(count))]
        kind = f"prompts of {length} sentence{'s' if length > 1 else ''}"
        own = [_sentences_true(*pair) for pair in zip(images, prompts, strict=True)]
        shuffled = [
            _sentences_true(image, prompt)
            for image, prompt in zip(images, [*prompts[1:], prompts[0]], strict=True)
        ]
        show(f"scenes-diffusion, {kind}: true of their images", own, _all_true)
        show(f"scenes-diffusion, {kind}: true of another's image", shuffled, _all_true)
        if length > 1:
            show(f"scenes-diffusion, {kind}: single sentences that are true", own, _mean_of(bool))


def clip_figures(folder: Path, captioned: dict[str, list[Captioned]]) -> None:
    """Prints how well CLIP tells right from wrong: texts of other scenes, and fine errors."""
    clip = _Clip(folder)
    drawn = [unit.scene for unit in captioned[CAPTIONERS[0]]]
    for what, text_of in (("caption", caption), ("sentence", lambda scene: describe(scene)[0])):
        texts = [text_of(scene) for scene in drawn]
        own = clip.scores(drawn, texts)
        other = clip.scores(drawn, [*texts[1:], texts[0]])
        units = [[(True, a), (False, b)] for a, b in zip(own, other, strict=True)]
        show(f"scenes-clip, AUROC: own {what} or another scene's", units, _auroc)
    for name, written in captioned.items():
        units = []
        for unit in written:
            texts = [judged.text for judged in unit.sentences]
            scores = clip.scores([unit.scene] * len(texts), texts)
            pairs = zip(unit.sentences, scores, strict=True)
            units.append([(judged.is_correct, score) for judged, score in pairs])
        show(f"scenes-clip, AUROC: correct sentences of {name} or its wrong ones", units, _auroc)


def error_types(name: str, written: Sequence[Captioned]) -> None:
    """Prints which types the wrong spans of a captioner have."""
    spans = [span for unit in written for judged in unit.sentences for span in judged.truth.spans]
    print(f"\n| {name}: share of wrong spans | type |\n| ---: | --- |")
    for error_type, count in Counter(span.type.value for span in spans).most_common():
        print(f"| {count / len(spans):.1%} | {error_type} |")


def captions(folder: Path, drawn: Sequence[Scene]) -> list[Captioned]:
    """Has a captioner describe scenes, and judges each sentence."""
    captioner = TransformersCaptioner(
        str(folder),
        None,
        TransformersOptions(forward_batch=BATCH, keep_truncated=True),
        TransformersParams(max_new_tokens=71),
    )
    inputs = [CaptionInput(str(index), png(scene)) for index, scene in enumerate(drawn)]
    answers = captioner.caption(inputs, None, range(len(inputs)))
    return [
        Captioned(scene, [Judged(text, truth_of(scene, text)) for text in _split(answer)])
        for scene, answer in zip(drawn, answers, strict=True)
    ]


def show(what: str, units: Sequence[Unit], statistic: Callable[[Sequence[Unit]], float]) -> None:
    """Prints a statistic over units, with its interval over resampled units."""
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(units), size=(RESAMPLES, len(units)))
    resampled = [statistic([units[index] for index in row]) for row in draws.tolist()]
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    print(f"| {statistic(units):.3f} | {what} | {low:.3f} to {high:.3f} |", flush=True)


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


def _split(answer: object) -> list[str]:
    if not isinstance(answer, Generation):
        raise SystemExit(f"A captioner failed: {answer}")
    return re.split(r"(?<=\.)\s+", answer.text)


def _data(answer: object) -> bytes:
    if not isinstance(answer, GeneratedImage):
        raise SystemExit(f"The image generator failed: {answer}")
    return answer.data


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def _sentences_true(image: bytes, prompt: str) -> list[bool]:
    said = re.split(r"(?<=\.)\s+", prompt)
    return [truth_of(image, sentence).verdict is Verdict.CORRECT for sentence in said]


def _all_true(units: Sequence[Sequence[bool]]) -> float:
    return float(np.mean([all(unit) for unit in units]))


def _mean_of(test: Callable[[Any], bool]) -> Callable[[Sequence[Sequence[Any]]], float]:
    return lambda units: float(np.mean([test(item) for unit in units for item in unit]))


def _decided(units: Sequence[Sequence[tuple[SentenceTruth, SentenceTruth]]]) -> float:
    return float(np.mean([b.verdict is not Verdict.UNKNOWN for unit in units for _, b in unit]))


def _right_of_decided(units: Sequence[Sequence[tuple[SentenceTruth, SentenceTruth]]]) -> float:
    pairs = [pair for unit in units for pair in unit if pair[1].verdict is not Verdict.UNKNOWN]
    return float(np.mean([known.verdict is read.verdict for known, read in pairs]))


def _auroc(units: Sequence[Sequence[tuple[bool, float]]]) -> float:
    right, scores = zip(*(item for unit in units for item in unit), strict=True)
    return float(roc_auc_score(right, scores)) if len(set(right)) == 2 else float("nan")


if __name__ == "__main__":
    main()
