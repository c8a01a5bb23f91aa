"""Questions about drawn scenes whose answers are known, in English and Chinese.

A question lists sentences about a picture and asks which are true; its variants are by templates. A
right answer says y or n of each sentence, in their order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from alignbench.scenes.drawn_files import write_scenes
from alignbench.scenes.scene import Arrow, Group, Place, Scene, Shape, Word
from alignbench.schemas.ids import JsonValue, sha256_hex

LANGUAGES: Final = ("en", "zh")
TASKS: Final = {"en": "Recognition", "zh": "Description"}
"""The task of questions in each language: two of AlignMMBench's."""
TEMPLATES: Final = {
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
_REWORDED: Final = {
    "en": "Here is what somebody claims to see. Say y to what is right and n to what is not.\n",
    "zh": "有人说图中有这些东西。说得对写 y，说得不对写 n。\n",
}
_SHAPES: Final = {"circle": "圆形", "cross": "十字", "square": "正方形", "triangle": "三角形"}
_PLACES: Final = {
    "top left": "左上", "top right": "右上", "bottom left": "左下", "bottom right": "右下",
}  # fmt: skip


class SceneQuestions(NamedTuple):
    """Questions about drawn scenes.

    Attributes:
        entries: As lines of a file that `questions import own` reads.
        scenes: Each scene by the SHA-256 of its picture's file.
    """

    entries: list[dict[str, JsonValue]]
    scenes: Mapping[str, Scene]


def write_scene_questions(folder: Path, scenes: int, seed: int = 11) -> SceneQuestions:
    """Draws scenes into a folder and returns questions about them, by turns in each language."""
    drawn = write_scenes(folder, scenes, seed)
    entries: list[dict[str, JsonValue]] = [
        {
            "cluster": f"{language}-{name}",
            "variant": str(number),
            "image": name,
            "language": language,
            "task": TASKS[language],
            "prompt": template.format(claims=claims(language)),
            "reference": truths(scene),
        }
        for place, (name, scene) in enumerate(drawn.items())
        for language in (LANGUAGES[place % len(LANGUAGES)],)
        for number, template in enumerate(TEMPLATES[language])
    ]
    by_hash = {sha256_hex((folder / name).read_bytes()): scene for name, scene in drawn.items()}
    return SceneQuestions(entries, by_hash)


def truths(scene: Scene) -> str:
    """Returns which of the sentences are true of a scene, as a right answer has it."""
    there = {(thing.place, thing.shape) for thing in scene.things if isinstance(thing, Group)}
    found = [(place, shape) in there for place in Place for shape in Shape]
    found += [any(isinstance(thing, kind) for thing in scene.things) for kind in (Arrow, Word)]
    return " ".join("y" if one else "n" for one in found)


def claims(language: str) -> str:
    """Returns the sentences, one a line."""
    if language == "zh":
        lines = [f"{_PLACES[place]}有{_SHAPES[shape]}。" for place in Place for shape in Shape]
        return "\n".join([*lines, "图中有箭头。", "图中有单词。"])
    lines = [f"There is a {shape} at the {place}." for place in Place for shape in Shape]
    return "\n".join([*lines, "There is an arrow.", "There is a word."])


def reworded(question: str) -> str:
    """Returns a question of `write_scene_questions` in other words, sentences included."""
    language = "zh" if claims("zh") in question else "en"
    if language == "zh":
        lines = [f"{_SHAPES[shape]}在{_PLACES[place]}角。" for place in Place for shape in Shape]
        lines += ["能看到箭头。", "能看到单词。"]
    else:
        lines = [f"At the {place}: a {shape}." for place in Place for shape in Shape]
        lines += ["An arrow somewhere.", "A word somewhere."]
    return _REWORDED[language] + "\n".join(lines)
