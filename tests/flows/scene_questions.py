"""Questions about drawn scenes, models that know the scenes and err as planned, and judges.

A question lists sentences about a picture and asks which are true, in English or Chinese; its
variants are by templates. A model answers a planned share of them right. What people would say of
an answer is 1 plus nine times that share. Judges read answer and reference from what they are sent.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignbench.scenes.drawn_files import write_scenes
from alignbench.scenes.scene import Arrow, Group, Place, Scene, Shape, Word
from tests.flows.question_roads import Script, rated
from tests.generators.endpoint.model_server import Asked, Reply, said

TEMPLATES = {
    "en": (
        "Which of these sentences are true of the picture? Answer each with y or n.\n{claims}",
        "Look at the picture and go through the list, y for true and n for false:\n{claims}",
        "For every line below, does it fit what you see? Write y or n, in order.\n{claims}",
    ),
    "zh": (
        "下列句子哪些符合图片？逐句回答 y 或 n。\n{claims}",
        "请看图，依次判断每一句是真（y）还是假（n）：\n{claims}",
        "逐行核对：与画面一致写 y，不一致写 n。\n{claims}",
    ),
}
_SHAPES = {"circle": "圆形", "cross": "十字", "square": "正方形", "triangle": "三角形"}
_PLACES = {"top left": "左上", "top right": "右上", "bottom left": "左下", "bottom right": "右下"}
_PADDING = "I have looked at the picture with great care, and this is what I found in it. " * 4


def truths(scene: Scene) -> str:
    """Which of the sentences are true of a scene, as a right answer has it."""
    there = {(thing.place, thing.shape) for thing in scene.things if isinstance(thing, Group)}
    found = [(place, shape) in there for place in Place for shape in Shape]
    found += [any(isinstance(thing, kind) for thing in scene.things) for kind in (Arrow, Word)]
    return " ".join("y" if one else "n" for one in found)


def claims(language: str) -> str:
    """The sentences, one a line."""
    if language == "zh":
        lines = [f"{_PLACES[place]}有{_SHAPES[shape]}。" for place in Place for shape in Shape]
        return "\n".join([*lines, "图中有箭头。", "图中有单词。"])
    lines = [f"There is a {shape} at the {place}." for place in Place for shape in Shape]
    return "\n".join([*lines, "There is an arrow.", "There is a word."])


def written_questions(folder: Path, scenes: int) -> tuple[list[dict[str, Any]], dict[str, Scene]]:
    """Draws scenes and returns questions about them; and the scenes by the hash of their file."""
    drawn = write_scenes(folder, scenes, seed=11)
    entries = [
        {
            "cluster": f"{language}-{name}", "variant": str(number), "image": name,
            "language": language, "task": "Recognition" if language == "en" else "Description",
            "prompt": template.format(claims=claims(language)), "reference": truths(scene),
        }
        for place, (name, scene) in enumerate(drawn.items())
        for language in (("en", "zh")[place % 2],)
        for number, template in enumerate(TEMPLATES[language])
    ]  # fmt: skip
    by_hash = {hashlib.sha256((folder / name).read_bytes()).hexdigest(): one
               for name, one in drawn.items()}  # fmt: skip
    return entries, by_hash


@dataclass(frozen=True)
class Plan:
    """How a model errs.

    Attributes:
        level: The mean score that it is to have, as people would give it.
        between: How far its clusters differ, in points.
        within: How far the variants of a cluster differ, as a share of what they could.
        padded: Whether it says the same at greater length.
    """

    level: float
    between: float = 1.0
    within: float = 0.1
    padded: bool = False


def answerer(name: str, plan: Plan, scenes: Mapping[str, Scene]) -> Script:
    """A model that errs as planned; without the image it says that nothing is there."""

    def script(asked: Asked) -> Reply:
        image = _image(asked)
        if image is None:
            return said(" ".join("n" * 18))
        right = truths(scenes[image]).split()
        score = plan.level + plan.between * _normal(name, image)
        room = np.sqrt(max((score - 1) * (10 - score), 0))
        score += np.sqrt(plan.within) * room * _normal(name, image, asked.text)
        share = np.clip((score - 1) / 9, 0, 1)
        wrong = round(len(right) * (1 - share))
        for place in range(wrong):
            right[place] = "n" if right[place] == "y" else "y"
        return said((_PADDING if plan.padded else "") + " ".join(right))

    return script


def people_score(answer: str, reference: str) -> float:
    """What people would say of an answer."""
    marks = re.findall(r"\b[yn]\b", answer)
    share = np.mean([one == other for one, other in zip(marks, reference.split(), strict=True)])
    return float(round(2 * (1 + 9 * share)) / 2)


def judge(kind: str) -> Script:
    """A judge: `strict` says what people would, the others as their names tell."""

    def script(asked: Asked) -> Reply:
        shown = asked.body["messages"][-1]["content"]
        reference, answer = _block(shown, "Reference"), _block(shown, "Answer to be rated")
        score = people_score(answer, reference)
        noise = 0.8 * _normal(kind, shown)
        if kind == "useless":
            score = 6 + noise
        elif kind == "unbiased":
            score += noise
        elif kind == "biased":
            score += noise + (3.0 if len(answer) > 200 else 0.0)
        return rated(round(float(np.clip(score, 1, 10)), 2), "compared line by line")

    return script


def _block(shown: str, title: str) -> str:
    found = re.search(rf"\[(\w+)\] {title}: begin\n(.*?)\n\[\1\] {title}: end", shown, re.S)
    assert found is not None
    return found[2]


def _image(asked: Asked) -> str | None:
    for message in asked.body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else []:
            if part["type"] == "image_url":
                data = part["image_url"]["url"].partition("base64,")[2]
                return hashlib.sha256(base64.b64decode(data)).hexdigest()
    return None


def _normal(*seed: str) -> float:
    digest = hashlib.sha256("\x00".join(seed).encode()).digest()
    return float(np.random.default_rng(list(digest)).normal())
