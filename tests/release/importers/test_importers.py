"""What single importers make of what is special in their sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from alignbench.flows.imports import import_set
from alignbench.release.errors import ImportFileError
from alignbench.release.importing.build import ImportedRelease, target_of
from alignbench.release.verify.verify import verify
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.importing import OwnTerms
from alignbench.schemas.vocabulary import RowFlag
from tests.release.importers.specimens import DRAWN, FULL, RIGHT, lines, written
from tests.release.importers.test_contract import rows_of

Row = dict[str, Any]
TERMS = ("README.md", "LICENSE", "CITATION.cff", "croissant.json")


def made(tmp_path: Path, kind: str, path: Path | None = None, **options: Any) -> ImportedRelease:
    files = [path] if path else written(tmp_path, kind)
    return import_set(kind, files, str(tmp_path / "out" / "1.0.0"), **options)


def alignbench_rows(tmp_path: Path, *records: Any) -> tuple[list[Row], ImportedRelease]:
    path = tmp_path / "halcap.jsonl"
    path.write_text(lines(*records), encoding="utf-8")
    done = made(tmp_path, "alignbench", path)
    return sorted(rows_of(Path(done.address)), key=lambda row: row["sentence_index"]), done


def spans(row: Row) -> list[tuple[int, str, str | None]]:
    return [(span["start"], span["text"], span["type"]) for span in row["error_spans"]]


def test_alignbench_keeps_votes_as_the_file_counts_them_and_joins_sentences(tmp_path):
    [first, second], done = alignbench_rows(tmp_path, RIGHT, FULL)
    assert (first["n_correct"], first["n_incorrect"], first["agreement_ratio"]) == (1, 4, 0.8)
    assert first["fleiss_Pi"] == pytest.approx(0.6)
    assert first["full_caption"] == second["full_caption"] == "A red ball lies left. It is round."
    assert first["pair_id"] == second["pair_id"]
    assert RowFlag.CAPTION_JOINED in first["flags"]
    assert spans(first) == [(2, "red", "attribute")]
    assert done.manifest.counts.votes == 0


def test_alignbench_has_null_counts_where_the_file_has_none(tmp_path):
    [row], _ = alignbench_rows(tmp_path, {**FULL, "n_correct": None})
    assert [row[name] for name in ("n_correct", "n_incorrect", "n_unknown")] == [None] * 3
    assert [row[name] for name in ("agreement_ratio", "fleiss_Pi", "confidence")] == [None] * 3


@pytest.mark.parametrize(
    ("caption", "words", "texts", "flags"),
    [
        ("A red, shiny ball.", "red, shiny", ["red, shiny"], []),
        ("A red ball, shiny.", "red, shiny", ["red", "shiny"], ["words_split"]),
        ("A red ball, shiny.", ["red", "shiny"], ["red", "shiny"], []),
        ("A red ball, shiny.", "['red', 'shiny']", ["red", "shiny"], []),
        ("A cat and a cat.", ["cat"], ["cat"], ["spans_ambiguous"]),
        ("A cat and a cat.", ["cat", "cat"], ["cat", "cat"], []),
        ("A cat in a category.", ["cat"], ["cat"], []),
        ("A RED ball.", ["red"], ["RED"], ["span_case_differs"]),
        ("Two balls.", ["ball"], ["ball"], ["span_inside_word"]),
        ("Two balls.", ["hat"], [], ["spans_missing"]),
        ("A 🎈 é ball.", ["é ball"], ["é ball"], []),
    ],
)
def test_wrong_words_are_placed_or_flagged(tmp_path, caption, words, texts, flags):
    [row], done = alignbench_rows(tmp_path, {**FULL, "caption": caption, "error_words": words})
    assert row["error_words"] == texts
    assert set(flags) == set(row["flags"]) - {RowFlag.IMAGE_ID_FROM_LOCATOR}
    assert json.loads(row["own_labels"])["error_words"] == words
    assert len(done.notes.unplaced) == flags.count("spans_missing")


def test_alignbench_keeps_a_verdict_that_the_votes_do_not_give_and_counts_it(tmp_path):
    [row], done = alignbench_rows(tmp_path, {**FULL, "annotation": "correct", "error_words": []})
    assert (row["annotation"], row["n_incorrect"]) == ("correct", 4)
    assert done.manifest.imported.counts["verdicts that the votes do not give"] == 1


def test_alignbench_names_what_it_leaves_out(tmp_path):
    unclear = {**FULL, "annotation": "maybe", "sentence_index": 2}
    nowhere = {**FULL, "image_url": None, "image_name": None}
    rows, done = alignbench_rows(tmp_path, FULL, unclear, nowhere, "text")
    assert len(rows) == 1
    counts = done.manifest.imported.unplaced
    assert counts["line left out: no annotation"] == 1
    assert counts["line left out: no image_name, image_url or image_path_in_repo"] == 1
    assert counts["line left out: it is no JSON object"] == 1
    assert counts["annotation not understood"] == 1
    report = json.loads((Path(done.address) / "import-report.json").read_text())
    assert [item["origin"] for item in report["items"]].count("halcap.jsonl:2") == 2


def test_alignbench_counts_places_from_nought_and_says_so(tmp_path):
    rows, done = alignbench_rows(
        tmp_path, {**FULL, "sentence_index": 1}, {**RIGHT, "sentence_index": 3}
    )
    assert [row["sentence_index"] for row in rows] == [0, 2]
    assert "sentence_index starts at 1" in done.manifest.imported.unplaced
    assert all(RowFlag.CAPTION_INCOMPLETE in row["flags"] for row in rows)


def test_generated_images_are_named_by_their_path(tmp_path):
    [row], _ = alignbench_rows(tmp_path, DRAWN)
    assert (row["direction"], row["image_type"]) == ("t2i", "synthetic")
    assert row["image_path_in_repo"] == "images/sd/0.png"


@pytest.mark.parametrize("column", ["model", "caption", "annotation", "sentence_index"])
def test_a_file_without_a_needed_column_says_which(tmp_path, column):
    path = tmp_path / "halcap.jsonl"
    path.write_text(lines(*[{k: v for k, v in FULL.items() if k != column}] * 3))
    with pytest.raises(ImportFileError, match=f"line left out: no {column}: 3"):
        import_set("alignbench", [path], str(tmp_path / "out" / "1.0.0"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["model,caption\nm,A dog.\n", "[\n{}\n]\n"], ids=["csv", "array"])
def test_a_file_that_is_no_json_lines_says_so(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(ImportFileError, match="line left out: it is no JSON object: 2"):
        import_set("own", [path], str(tmp_path / "out" / "1.0.0"))


def test_own_sentences_without_an_index_are_numbered_by_their_lines(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(
        lines(*[{k: v for k, v in line.items() if k != "sentence_index"} for line in (FULL, RIGHT)])
    )
    done = made(tmp_path, "own", path)
    [row, after] = sorted(rows_of(Path(done.address)), key=lambda row: row["sentence_index"])
    assert row["full_caption"] == after["full_caption"] == "A red ball lies left. It is round."
    numbered = "sentences numbered by the order of their lines"
    assert done.manifest.imported.counts[numbered] == 2


def test_repeated_lines_and_negative_votes_are_named_with_their_line(tmp_path):
    _, done = alignbench_rows(tmp_path, FULL, FULL, {**RIGHT, "n_correct": -3})
    named = {(item.origin, item.why) for item in done.notes.unplaced}
    assert named == {
        ("halcap.jsonl:2", "sentence_index given before, so a caption of its own"),
        ("halcap.jsonl:3", "negative numbers of votes left out"),
    }


def test_own_data_claims_nothing_that_was_not_told(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(lines({"model": "m", "image_path_in_repo": "a/1.png", "sentence_index": 0,
                           "caption": "A dog.", "annotation": "correct"}))  # fmt: skip
    bare = Path(import_set("own", [path], str(tmp_path / "street" / "1.0.0")).address)
    texts = {name: (bare / name).read_text() for name in TERMS}
    assert "AlignBench" not in texts["CITATION.cff"] + texts["LICENSE"]
    assert "omron" not in "".join(texts.values())
    assert 'pretty_name: "street"' in texts["README.md"]
    assert "Imported from files of the authors' own (licence: none stated)" in texts["README.md"]
    assert "The authors of street" in texts["CITATION.cff"]
    assert "No licence is stated" in texts["LICENSE"]
    [row] = rows_of(bare)
    assert (row["image_source"], row["image_type"]) == ("own", "real")


def test_own_data_is_credited_as_its_makers_say(tmp_path):
    terms = OwnTerms("Street photographs", ("A. One", "B. Two"), "cc-by-4.0", ("en",))
    release = Path(made(tmp_path, "own", own=terms).address)
    assert verify(release).findings == ()
    texts = {name: (release / name).read_text() for name in TERMS}
    assert 'pretty_name: "Street photographs"\nlicense: "cc-by-4.0"' in texts["README.md"]
    assert '- name: "A. One"\n- name: "B. Two"' in texts["CITATION.cff"]
    assert "CC-BY-4.0" in texts["LICENSE"]
    croissant = json.loads(texts["croissant.json"])
    assert [maker["name"] for maker in croissant["creator"]] == ["A. One", "B. Two"]
    assert croissant["inLanguage"] == ["en"]
    assert {row["labels_license"] for row in rows_of(release)} == {"cc-by-4.0"}


def test_a_published_set_keeps_its_authors(tmp_path):
    with pytest.raises(UsageError, match="published set"):
        made(tmp_path, "hat", own=OwnTerms(title="Mine"))
    with pytest.raises(UsageError, match="not codes"):
        made(tmp_path, "own", own=OwnTerms(language=("English",)))


def test_chocolate_shows_its_table_and_takes_another(tmp_path):
    first = made(tmp_path, "chocolate")
    assert first.manifest.imported.mapping["trend_error"] == "incorrect: direction"
    assert first.manifest.imported.counts["duplicate ids"] == 1
    [row, *_] = [r for r in rows_of(Path(first.address)) if r["sentence_index"] == 0]
    assert (row["error_type"], row["error_spans"]) == ("number", [])
    assert json.loads(row["own_labels"])["labels"] == ["trend_error", "value_error"]
    table = tmp_path / "mine.toml"
    table.write_text(
        '[labels]\ntrend_error = { verdict = "incorrect", error_type = "other" }\n'
        'value_error = { verdict = "unknown" }\ngrammatical_error = { verdict = "correct" }\n'
    )
    done = import_set(
        "chocolate", [tmp_path / "chocolate.json"], str(tmp_path / "b"), mapping=table
    )
    assert done.manifest.counts.by_model["gpt4v"].correct == 4
    table.write_text('[labels]\nvalue_error = { verdict = "incorrect" }\n')
    with pytest.raises(ImportFileError, match="'trend_error'"):
        import_set("chocolate", [tmp_path / "chocolate.json"], str(tmp_path / "c"), mapping=table)


def test_a_set_without_a_table_refuses_one(tmp_path):
    with pytest.raises(UsageError, match="hat"):
        made(tmp_path, "hat", mapping=tmp_path / "mine.toml")


def test_hat_marks_runs_of_words(tmp_path):
    [row] = rows_of(Path(made(tmp_path, "hat").address))
    assert spans(row) == [(7, "pointing up", None), (22, "red.", None)]


def test_hat_refuses_words_that_are_not_the_caption(tmp_path):
    path = tmp_path / "hat.json"
    path.write_text(
        json.dumps([{"caption": "A  b", "image_path": "1", "grounding": [["A", 0], ["b", 1]]}])
    )
    with pytest.raises(ImportFileError, match=r"hat\.json:1"):
        made(tmp_path, "hat", path)


def test_nocaps_foil_marks_every_replaced_place(tmp_path):
    rows = rows_of(Path(made(tmp_path, "nocaps_foil").address))
    [foil] = [row for row in rows if row["annotation"] == "incorrect"]
    assert [text for _, text, _ in spans(foil)] == ["wall clock", "wall clock"]


def test_seetrue_names_words_that_are_not_in_the_caption(tmp_path):
    done = made(tmp_path, "seetrue_feedback")
    assert done.manifest.imported.unplaced == {"wrong words not in the caption": 1}
    found = {row["model"]: row for row in rows_of(Path(done.address))}
    assert spans(found["cococon"]) == [(2, "RED hat", None)]
    assert json.loads(found["cococon"]["own_labels"])["human_feedback"] == ["It is blue."]
    assert RowFlag.SPANS_MISSING in found["drawbench"]["flags"]
    assert found["drawbench"]["direction"] == "t2i"


def test_faithscore_finds_equal_parts_one_behind_the_other(tmp_path):
    rows = rows_of(Path(made(tmp_path, "faithscore").address))
    parts = sorted(
        (row["sentence_start"], row["caption"]) for row in rows if row["model"] == "parts"
    )
    assert parts == [(0, "A dog runs"), (12, "A dog runs"), (24, "which is nice")]


def test_rich_hf_marks_runs_of_words_between_its_delimiters(tmp_path):
    done = made(tmp_path, "rich_hf")
    [row] = [r for r in rows_of(Path(done.address)) if r["annotation"] == "incorrect"]
    assert spans(row) == [(2, "red, hat", None), (15, "fire", None)]
    assert json.loads(row["own_labels"])["overall_score"] == 0.5


def test_rich_hf_names_prompts_that_are_missing_or_have_other_words(tmp_path):
    path, prompt, _ = written(tmp_path, "rich_hf")
    prompt.write_text("a red hat")
    done = import_set("rich_hf", [path, prompt], str(tmp_path / "out"))
    assert done.manifest.imported.unplaced == {
        "labels and words differ in number": 1, "no prompt given": 1,
    }  # fmt: skip
    [row] = rows_of(Path(done.address))
    assert RowFlag.SPANS_MISSING in row["flags"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ImportFileError, match="cut off"):
        import_set("rich_hf", [path], str(tmp_path / "cut"))


def test_text_that_no_file_can_hold_is_named_and_left_out(tmp_path):
    path = tmp_path / "halcap.jsonl"
    path.write_text(json.dumps({**FULL, "caption": "A \ud800 ball."}) + "\n" + json.dumps(DRAWN))
    done = made(tmp_path, "alignbench", path)
    assert done.manifest.counts.sentences == 1
    assert done.manifest.imported.unplaced["not Unicode text"] == 1


def test_model_names_that_are_no_folders_become_some(tmp_path):
    names = ["LLaVA 1.6/7B", "all", "LLaVA-1.6-7B"]
    records = [{**DRAWN, "model": name} for name in names]
    rows, done = alignbench_rows(tmp_path, *records)
    assert len({row["model"] for row in rows}) == 3
    assert {"all-model", "LLaVA-1.6-7B"} < {row["model"] for row in rows}
    assert done.manifest.imported.unplaced["model renamed"] == 3


def test_foil_takes_cocos_captions_as_references_but_the_one_a_foil_is_made_of(tmp_path):
    [foil] = written(tmp_path, "foil")
    captions = tmp_path / "captions_val2014.json"
    told = {1: "A dog on a mat.", 2: "A brown dog.", 3: "A dog lies down. "}
    captions.write_text(
        json.dumps({
            "images": [],
            "annotations": [{"image_id": 9, "id": k, "caption": v} for k, v in told.items()],
        })
    )  # fmt: skip
    done = import_set("foil", [captions, foil], str(tmp_path / "out" / "1.0.0"))
    for row in rows_of(Path(done.address)):
        assert json.loads(row["own_labels"])["references"] == ["A brown dog.", "A dog lies down."]


def test_what_a_killed_import_left_behind_is_removed_by_the_next(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    target = target_of(str(tmp_path / "out" / "1.0.0")).address
    for built in (target, f"{target} images"):
        (scratch / f"alignbench-release-{derive_id(built)}-killed").mkdir()
    made(tmp_path, "hat")
    assert not list(scratch.iterdir())
