"""A small file of each kind that is imported, made by hand in the format as it is published."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FULL = {
    "model": "llava", "image_source": "coco", "image_name": "1.png", "image_type": "real",
    "sentence_index": 0, "caption": "A red ball lies left.", "annotation": "incorrect",
    "error_type": "attribute", "error_words": ["red"], "agreement_ratio": 0.8, "fleiss_Pi": 0.6,
    "n_correct": 1, "n_incorrect": 4, "n_unknown": 0,
    "image_url": "https://images.example/1.png", "image_path_in_repo": None,
}  # fmt: skip
"""A line of AlignBench's own file."""

RIGHT = {
    **FULL, "sentence_index": 1, "caption": "It is round.", "annotation": "correct",
    "error_type": None, "error_words": [], "n_correct": 5, "n_incorrect": 0,
}  # fmt: skip
DRAWN = {
    **RIGHT, "model": "sd", "image_source": "generated", "image_type": "synthetic",
    "sentence_index": 0, "image_url": None, "image_path_in_repo": "images/sd/0.png",
    "image_name": "0.png",
}  # fmt: skip


class Specimen(NamedTuple):
    """A file: its name, its content, and the sentences that come of it, by verdict.

    `beside` are texts of further files that are given with it.
    """

    name: str
    text: str | bytes
    correct: int
    incorrect: int
    unknown: int = 0
    beside: Mapping[str, str] = {}


def lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def tfrecord(*found: Mapping[str, bytes | float]) -> bytes:
    """Returns a TFRecord file of examples; checksums, which nothing reads, are nought."""
    records = b""
    for features in found:
        data = _field(1, b"".join(_entry(*feature) for feature in features.items()))
        records += struct.pack("<QI", len(data), 0) + data + bytes(4)
    return records


def _entry(name: str, value: bytes | float) -> bytes:
    of_bytes = isinstance(value, bytes)
    item = value if of_bytes else struct.pack("<f", value)
    feature = _field(1 if of_bytes else 2, _field(1, item))
    return _field(1, _field(1, name.encode()) + _field(2, feature))


def _field(number: int, data: bytes) -> bytes:
    assert len(data) < 1 << 14
    length = bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + length + data


_FOIL = {"foil": True, "caption": "A cat on a mat.", "foil_word": "cat", "target_word": "dog"}
_ORIG = {"foil": False, "caption": "A dog on a mat.", "foil_word": "ORIG", "target_word": "ORIG"}

SPECIMENS = {
    "own": Specimen("mine.jsonl", lines(FULL, RIGHT, DRAWN), 2, 1),
    "alignbench": Specimen("halcap.jsonl", lines(FULL, RIGHT, DRAWN), 2, 1),
    "aro": Specimen(
        "visual_genome_relation.json",
        json.dumps([{
            "image_path": "7.jpg", "true_caption": "the cup is on the table",
            "false_caption": "the table is on the cup", "relation_name": "on",
        }]),
        1, 1,
    ),
    "chocolate": Specimen(
        "chocolate.json",
        json.dumps([{
            "sentences": ["Sales rose – to 7.", "The axis\nshows years.", "It is blue."],
            "labels": [["trend_error", "value_error"], [], ["grammatical_error"]],
            "model": "gpt4v", "dataset": "pew", "image_path": "https://charts.example/a.png",
            "_id": "gpt4v-a",
        }] * 2),
        2, 4,
    ),
    "faithscore": Specimen(
        "annotation.jsonl",
        lines({
            "id": "000000000009", "answer": "A dog runs, A dog runs, which is nice.",
            "stage 1": {"A dog runs": 1, " A dog runs": 1, " which is nice": 0},
            "stage 2": {"There is a dog.": 1, "The dog runs.": 0},
        }),
        1, 1, 3,
    ),
    "foil": Specimen(
        "foilv1.0_test_2017.json",
        json.dumps({
            "images": [{"id": 9, "file_name": "COCO_val2014_000000000009.jpg"}],
            "annotations": [{"image_id": 9, "id": 1, **_ORIG}, {"image_id": 9, "id": 1, **_FOIL}],
        }),
        1, 1,
    ),
    "hat": Specimen(
        "hat-trainval.json",
        json.dumps([{
            "sample_id": "s", "caption": "A sign pointing up in red.", "image_path": "1.jpg",
            "grounding": [
                ["A", False], ["sign", False], ["pointing", True], ["up", True], ["in", False],
                ["red.", True],
            ],
            "contains_hallucination": True, "references": ["A sign."],
        }]),
        0, 1,
    ),
    "mhaldetect": Specimen(
        "val_raw.json",
        json.dumps([{
            "image": "1.jpg", "question": "Describe it.", "response": "A dog. It is blue. Nice.",
            "annotations": [
                {"text": "A dog.", "end": 6, "label": "ACCURATE"},
                {"text": " It is blue.", "end": 18, "label": "INACCURATE"},
                {"text": " Nice.", "end": 24, "label": "ANALYSIS"},
            ],
        }]),
        1, 1, 1,
    ),
    "nocaps_foil": Specimen(
        "nocaps-val-foil.json",
        json.dumps([{
            "image_path": "0.jpg", "references": ["A boy."], "domain": "in-domain",
            "baseline": "A BOY in a shirt next to a boy.",
            "foil": "A wall clock in a shirt next to a wall clock.",
            "replacement": ["boy", "wall clock"],
        }]),
        1, 1,
    ),
    "rich_hf": Specimen(
        "test.tfrecord",
        tfrecord(
            {"filename": b"test/a1.png", "prompt_misalignment_label": b"1 0 0 1 0",
             "overall_score": 0.5},
            {"filename": b"test/b2.png", "prompt_misalignment_label": b"1 1"},
        ),
        1, 1,
        beside={
            "a1.txt": "A red, hat: on fire", "prompts.jsonl": lines(
                {"filename": "b2.png", "prompt": "a cat"}
            ),
        },
    ),
    "seetrue_feedback": Specimen(
        "SeeTRUE_Feedback.csv",
        "image_caption,image_name,dataset_source,image_url,human_feedback,caption_misalignment\n"
        'A RED hat.,a.jpg,cococon,https://i.example/a.jpg,"[""It is blue.""]",red hat\n'
        "A dog left of a cat.,b.png,drawbench,https://i.example/b.png,[],cat left of\n",
        0, 2,
    ),
    "sugarcrepe": Specimen(
        "replace_att.json",
        json.dumps({"0": {
            "filename": "1.jpg", "caption": "A red hat.", "negative_caption": "A blue hat.",
        }}),
        1, 1,
    ),
    "winoground": Specimen(
        "examples.jsonl",
        lines({
            "id": 0, "image_0": "ex_0_img_0", "image_1": "ex_0_img_1", "tag": "Noun",
            "caption_0": "a dog on a cat", "caption_1": "a cat on a dog",
        }),
        2, 2,
    ),
}  # fmt: skip


def written(folder: Path, kind: str) -> list[Path]:
    """Writes a kind's specimen into a folder; the files that are beside it come after it."""
    specimen = SPECIMENS[kind]
    texts = {specimen.name: specimen.text, **specimen.beside}
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).write_bytes(data)
    return [folder / name for name in texts]
