"""Rich-HF-18k: prompts and images made from them, each word of a prompt marked as shown or not.

Source: Liang et al., "Rich Human Feedback for Text-to-Image Generation" (CVPR 2024). The TFRecord
files have no prompts: these are Pick-a-Pic's, and are given beside them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Final

from alignbench.release.errors import ImportFileError
from alignbench.release.importing.mapping import refuse_mapping
from alignbench.release.importing.records import json_line_entries
from alignbench.release.importing.tfrecord import Feature, examples
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.importing import (
    ImageReference,
    ImportedCaption,
    ImportedSentence,
    ImportedSpan,
    ImportNotes,
    PublishedSet,
)
from alignbench.schemas.vocabulary import Direction, ImageType, RowFlag, Verdict

_TOKEN: Final = re.compile(r'[^,.?!":; ]+')
"""What the set's labels are for: whatever stands between these characters."""

_MISALIGNED: Final = "0"
_SCORES: Final = ("aesthetics_score", "artifact_score", "misalignment_score", "overall_score")


class RichHf:
    """Reads `*.tfrecord`, with prompts from `STEM.txt` files or JSON lines of `filename`, `prompt`.

    The heat maps are not taken over; the four scores are in `own_labels`.
    """

    published: ClassVar[PublishedSet] = PublishedSet(
        "Rich-HF-18k", "https://github.com/google-research-datasets/richhf-18k", None
    )

    def __init__(self, mapping: Path | None) -> None:
        refuse_mapping("rich_hf", mapping)
        self.mapping: Mapping[str, JsonValue] = {}

    def captions(self, files: Sequence[Path], notes: ImportNotes) -> Iterator[ImportedCaption]:
        """Yields a caption for each example whose prompt is there."""
        prompts = _prompts([path for path in files if path.suffix in (".txt", ".jsonl")])
        for path in files:
            if path.suffix in (".txt", ".jsonl"):
                continue
            for number, example in enumerate(examples(path), start=1):
                origin = f"{path.name}:{number}"
                notes.count("examples")
                name = _text(example, "filename", origin)
                prompt = prompts.get(Path(name).stem)
                if prompt is None:
                    notes.name(origin, "no prompt given", name)
                    continue
                sentence = _sentence(example, prompt, origin, notes)
                image = ImageReference(
                    source="pick_a_pic",
                    name=name,
                    image_type=ImageType.SYNTHETIC,
                    also_named=(f"{Path(name).stem}.png", f"{Path(name).stem}.jpg"),
                )
                yield ImportedCaption(origin, "rich_hf", image, prompt, (sentence,), Direction.T2I)


def _prompts(files: Sequence[Path]) -> dict[str, str]:
    """Returns prompts by the stem of the image's file name."""
    found = {}
    for path in files:
        if path.suffix == ".jsonl":
            for entry in json_line_entries(path):
                found[Path(entry.get("filename", str)).stem] = entry.get("prompt", str)
            continue
        try:
            found[path.stem] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ImportFileError(
                f"{path} cannot be read: {error}.", "Give the prompt as UTF-8 text."
            ) from None
    return found


def _sentence(
    example: Mapping[str, Feature], prompt: str, origin: str, notes: ImportNotes
) -> ImportedSentence:
    labels = _text(example, "prompt_misalignment_label", origin).split()
    tokens = [match.span() for match in _TOKEN.finditer(prompt)]
    own: dict[str, JsonValue] = {"prompt_misalignment_label": " ".join(labels)}
    own |= {name: example[name][0] for name in _SCORES if example.get(name)}
    wrong = _MISALIGNED in labels
    spans: tuple[ImportedSpan, ...] = ()
    if len(tokens) == len(labels):
        spans = tuple(_runs(prompt, tokens, labels))
    else:
        what = f"{len(labels)} labels, {len(tokens)} words"
        notes.name(origin, "labels and words differ in number", f"{what}: {prompt}")
    notes.count("prompts with misaligned words", wrong)
    notes.count("runs of misaligned words", len(spans))
    return ImportedSentence(
        0,
        len(prompt),
        verdict=Verdict.INCORRECT if wrong else Verdict.CORRECT,
        index=0,
        spans=spans,
        own_labels=own,
        flags=(RowFlag.SPANS_MISSING,) if wrong and not spans else (),
    )


def _runs(
    prompt: str, tokens: Sequence[tuple[int, int]], labels: Sequence[str]
) -> Iterator[ImportedSpan]:
    for label, run in groupby(zip(tokens, labels, strict=True), key=lambda found: found[1]):
        if label == _MISALIGNED:
            places = [place for place, _ in run]
            start, end = places[0][0], places[-1][1]
            yield ImportedSpan(start, end, prompt[start:end])


def _text(example: Mapping[str, Feature], name: str, origin: str) -> str:
    found = example.get(name)
    if not found or not isinstance(found[0], bytes):
        raise ImportFileError(
            f"{origin} has no text {name!r}.", "Give Rich-HF-18k's own TFRecord files."
        )
    return found[0].decode("utf-8", "replace")
