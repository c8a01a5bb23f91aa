"""How much of what the captioners write is true, and where they err."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.scenes.drawing import png
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.scene import Scene
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.protocols import CaptionInput, Generation
from alignbench.schemas.vocabulary import Verdict
from benchmarks.scenes.figures import share, show

BATCH = 64


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


def print_captioner(name: str, written: Sequence[Captioned]) -> None:
    """Prints how much of what a captioner writes is true."""
    sentences = [unit.sentences for unit in written]
    show(f"{name}, sentences that are correct", sentences, share(lambda said: said.is_correct))
    unread = share(lambda said: said.truth.verdict is Verdict.UNKNOWN)
    show(f"{name}, sentences that the oracle cannot read", sentences, unread)
    whole = [[all(said.is_correct for said in unit.sentences)] for unit in written]
    show(f"{name}, captions without an error", whole, share(bool))


def print_error_types(name: str, written: Sequence[Captioned]) -> None:
    """Prints which types the wrong spans of a captioner have."""
    spans = [span for unit in written for said in unit.sentences for span in said.truth.spans]
    print(f"\n| {name}: share of {len(spans)} wrong spans | type |\n| ---: | --- |")
    for error_type, count in Counter(span.type.value for span in spans).most_common():
        print(f"| {count / len(spans):.3f} | {error_type} |")


def _split(answer: object) -> list[str]:
    if not isinstance(answer, Generation):
        raise SystemExit(f"A captioner failed: {answer}")
    return re.split(r"(?<=\.)\s+", answer.text)
