"""AlignBench's own file, whose spellings are not public: read leniently, and never guessed."""

import json
from pathlib import Path

import pytest

from alignbench.release.alignbench_jsonl import SCHEMA, Problem, read_alignbench_jsonl, read_mapping
from alignbench.schemas.vocabulary import HallucinationType, ImageType, Verdict
from tests.release.test_reading import ORIGINAL_COLUMNS

FULL = {
    "model": "llava", "image_source": "coco", "image_name": "1.jpg", "image_type": "Real",
    "sentence_index": 2, "caption": "A red ball.", "annotation": "Incorrect",
    "error_type": "Attribute", "error_words": "red; ball", "agreement_ratio": "0.8",
    "fleiss_Pi": 0.6, "n_correct": 1, "n_incorrect": 4.0, "n_unknown": "0",
    "image_url": "", "image_path_in_repo": None,
}  # fmt: skip


def read(tmp_path: Path, *records, mapping=None):
    path = tmp_path / "benchmark.jsonl"
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return read_alignbench_jsonl(path, mapping)


def test_a_line_that_is_nested_too_deeply_is_a_problem_of_its_own(tmp_path):
    found = read(tmp_path, FULL, "[" * 100_000)
    assert len(found.rows) == len(found.problems) == 1


def test_a_row_gets_the_words_and_types_of_a_release(tmp_path):
    found = read(tmp_path, FULL, "")
    assert found.problems == ()
    assert found.rows.schema == SCHEMA
    assert found.rows.schema.names == ORIGINAL_COLUMNS
    (row,) = found.rows.to_pylist()
    assert row["annotation"] == "incorrect"
    assert (row["image_type"], row["error_type"]) == ("real", "attribute")
    assert row["error_words"] == ["red", "ball"]
    assert (row["agreement_ratio"], row["n_incorrect"], row["n_unknown"]) == (0.8, 4, 0)
    assert (row["image_url"], row["image_path_in_repo"]) == (None, None)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(True, "correct"), (0, "incorrect"), ("FALSE", "incorrect"), ("cannot_decide", "unknown"),
     (-1, "unknown"), (1, "correct"), ("Un-known", None)],
)  # fmt: skip
def test_verdicts_may_be_spelled_in_many_ways(tmp_path, value, verdict):
    found = read(tmp_path, {**FULL, "annotation": value})
    assert found.rows["annotation"].to_pylist() == [verdict]
    assert len(found.problems) == (verdict is None)


def test_what_is_not_understood_is_null_and_named(tmp_path):
    found = read(tmp_path, {**FULL, "error_type": "colour", "n_correct": "many"}, "[1]", "{", {})
    assert found.problems == (
        Problem(1, "error_type", "'colour' is no error_type that is known"),
        Problem(1, "n_correct", "'many' is no number"),
        Problem(2, "", "the line is no JSON object"),
        Problem(3, "", "the line is no JSON object"),
    )
    assert len(found.rows) == 2
    assert found.rows["error_words"].to_pylist()[1] == []


def test_a_mapping_of_ones_own_says_what_means_what(tmp_path):
    own = tmp_path / "mapping.toml"
    own.write_text(
        '[columns]\ncaption = ["text"]\n[values.annotation]\ncorrect = ["gut"]\n'
        "[lists]\n[missing]\n"
    )
    found = read(tmp_path, {"text": "Ein Satz.", "annotation": "Gut"}, mapping=own)
    assert found.rows.select(["caption", "annotation"]).to_pylist() == [
        {"caption": "Ein Satz.", "annotation": "correct"}
    ]


def test_the_mapping_has_every_column_and_word():
    mapping = read_mapping()
    assert list(mapping.columns) == ORIGINAL_COLUMNS
    words = {"annotation": Verdict, "image_type": ImageType, "error_type": HallucinationType}
    assert {name: set(values) for name, values in mapping.values.items()} == {
        name: {word.value for word in kind} for name, kind in words.items()
    }


def test_our_own_rows_written_as_json_lines_come_back(tmp_path, released):
    from tests.release.test_build import table_of

    rows = [{name: row[name] for name in ORIGINAL_COLUMNS} for row in table_of(released)]
    found = read(tmp_path, *rows)
    assert found.problems == ()
    assert found.rows.to_pylist() == rows
