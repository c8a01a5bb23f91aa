import hashlib
import importlib.util
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from alignbench.scenes.photographs import (
    TextRange,
    answer_key,
    copy_inputs,
    photograph_files,
    sentence_truth,
)
from alignbench.scenes.photographs.build import built_files
from alignbench.scenes.photographs.files import CAPTIONS, METADATA
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import HallucinationType, Verdict


def published_captions() -> list[dict[str, str]]:
    return [json.loads(line) for line in CAPTIONS.read_text(encoding="utf-8").splitlines()]


def captions_by_key() -> dict[tuple[str, str], str]:
    return {
        (row["model"], hashlib.sha256(row["caption"].encode()).hexdigest()): row["caption"]
        for row in published_captions()
    }


def test_captions_and_key_are_what_the_marked_captions_say() -> None:
    for path, content in built_files().items():
        assert path.read_text(encoding="utf-8") == content, (
            f"{path.name} is old: run python -m alignbench.scenes.photographs.build"
        )


def test_every_caption_has_a_key_and_every_key_a_caption() -> None:
    assert captions_by_key().keys() == answer_key().keys()


def test_key_offsets_give_the_marked_words_exactly() -> None:
    captions = captions_by_key()
    for name, key in answer_key().items():
        marked: list[Span | TextRange] = [*key.errors, *key.undecidable]
        parts = sorted(marked, key=lambda part: part.start)
        for part in parts:
            assert captions[name][part.start : part.end] == part.text
        for before, after in pairwise(parts):
            assert before.end <= after.start


def test_an_error_never_cuts_a_word() -> None:
    for name, caption in captions_by_key().items():
        words = [match.span() for match in re.finditer(r"\w+", caption)]
        for error in answer_key()[name].errors:
            for edge in (error.start, error.end):
                assert not any(start < edge < end for start, end in words), error


def test_captions_are_stored_as_they_are_shipped() -> None:
    for row in published_captions():
        assert clean_text(row["caption"]).text == row["caption"]


def test_every_hallucination_type_occurs_often_enough_to_be_seen() -> None:
    counts = Counter(error.type for key in answer_key().values() for error in key.errors)
    for error_type in set(HallucinationType) - {HallucinationType.OTHER}:
        assert counts[error_type] >= 3, error_type
    assert counts[HallucinationType.OTHER] >= 1


def test_each_photograph_has_a_caption_of_each_captioner() -> None:
    captioned = Counter((row["file_name"], row["model"]) for row in published_captions())
    names = [file.name for file in photograph_files()]
    assert captioned == Counter(
        (name, model) for name in names for model in ("photo-careful", "photo-hasty")
    )


def test_the_installed_wheels_carry_every_photograph() -> None:
    files = photograph_files()
    assert len(files) == 12
    for file in files:
        with Image.open(file) as image:
            image.verify()


def test_the_inputs_are_laid_out_for_the_demo_without_the_answer_key(tmp_path: Path) -> None:
    copy_inputs(tmp_path)
    copy_inputs(tmp_path)
    photographs = {file.name for file in photograph_files()}
    laid_out = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*")}
    assert laid_out == {
        "captions.jsonl",
        "photographs/metadata.csv",
        *(f"photographs/{name}" for name in photographs),
    }
    assert (tmp_path / "photographs/metadata.csv").read_bytes() == METADATA.read_bytes()


def test_without_scikit_image_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "skimage" else find_spec(name)
    )
    with pytest.raises(MissingExtraError, match=r"AB-C03.*skimage.*alignbench\[demo\]"):
        photograph_files()


def hasty_key_of(file_name: str) -> tuple[str, tuple[str, str]]:
    return next(
        (caption, name)
        for name, caption in captions_by_key().items()
        if name[0] == "photo-hasty" and answer_key()[name].file_name == file_name
    )


def test_a_sentence_with_a_wrong_word_is_incorrect_and_its_spans_count_from_its_start() -> None:
    caption, name = hasty_key_of("camera.png")
    sentence = "The lens of the camera points towards the left edge of the photo."
    start = caption.index(sentence)
    truth = sentence_truth(answer_key()[name], start, start + len(sentence))
    assert truth.verdict is Verdict.INCORRECT
    (span,) = truth.spans
    assert sentence[span.start : span.end] == span.text == "left"
    assert span.type is HallucinationType.DIRECTION


def test_spans_are_clipped_to_a_sentence_that_was_cut_through_them() -> None:
    caption, name = hasty_key_of("camera.png")
    key = answer_key()[name]
    inside = caption.index("a sandy beach") + len("a ")
    truth = sentence_truth(key, inside, inside + len("sandy"))
    assert [(span.start, span.end, span.text) for span in truth.spans] == [(0, 5, "sandy")]


def test_an_undecidable_sentence_is_unknown_and_any_other_correct() -> None:
    caption, name = hasty_key_of("chelsea.png")
    key = answer_key()[name]
    for sentence, verdict in (
        ("The cat is about 2.5 years old.", Verdict.UNKNOWN),
        ("Behind it, the background is blurred.", Verdict.CORRECT),
    ):
        start = caption.index(sentence)
        assert sentence_truth(key, start, start + len(sentence)).verdict is verdict
