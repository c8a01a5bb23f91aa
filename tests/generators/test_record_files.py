import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.sources import record_files
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailureAt

ROWS = [{"name": "a", "caption": "One, “two”\nthree 🐈"}, {"name": "b", "caption": "x" * 200_000}]


def read(path: Path, required: tuple[str, ...] = ()) -> list[Record | ItemFailureAt]:
    return list(read_records(path, columns=("name", "caption"), required=required))


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"file{suffix}"
    match suffix:
        case ".csv":
            path.write_text(
                "name,caption\n" + "".join(f'{r["name"]},"{r["caption"]}"\n' for r in ROWS)
            )
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        case ".json":
            path.write_text(json.dumps(ROWS, indent=1))
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_every_format_gives_the_same_entries(tmp_path: Path, suffix: str) -> None:
    records = read(written(tmp_path, suffix), ("name", "caption"))
    assert [record.values for record in records if isinstance(record, Record)] == ROWS


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_byte_order_mark_is_not_part_of_the_first_entry(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, suffix)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [record.values for record in read(path) if isinstance(record, Record)] == ROWS


def test_places_name_the_line_even_after_a_value_of_two_lines(tmp_path: Path) -> None:
    assert [record[0] for record in read(written(tmp_path, ".csv"))] == ["file.csv:2", "file.csv:4"]
    assert [record[0] for record in read(written(tmp_path, ".parquet"))] == [
        "file.parquet#0",
        "file.parquet#1",
    ]


@pytest.mark.parametrize("line", ["{", "[1]", "null", "nan", '{"a": \udcff}', "[" * 100_000])
def test_a_bad_json_line_is_a_failure_and_the_next_line_is_read(tmp_path: Path, line: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(
        f'{{"name": "a"}}\n\n{line}\n{{"name": "b"}}', encoding="utf-8", errors="surrogateescape"
    )
    first, bad, last = read(path)
    assert isinstance(bad, ItemFailureAt)
    assert (bad.locator, bad.failure.code) == ("file.jsonl:3", ItemCode.ENTRY_UNREADABLE)
    assert (first[1], last[1]) == ({"name": "a"}, {"name": "b"})
    bad.failure.message.encode()


@pytest.mark.parametrize("line", [b"too,many,fields", b"few", b"\xff,x", b'"a"b,x'])
def test_a_bad_csv_line_is_a_failure_and_the_next_line_is_read(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"name,caption\na,x\n" + line + b"\nb,x\n")
    first, bad, last = read(path)
    assert isinstance(bad, ItemFailureAt)
    assert (bad.locator, bad.failure.code) == ("file.csv:3", ItemCode.ENTRY_UNREADABLE)
    assert isinstance(first, Record)
    assert isinstance(last, Record)
    assert last.values["name"] == "b"


def test_a_line_without_end_is_skipped_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_files, "MAX_LINE", 64)
    path = tmp_path / "file.jsonl"
    path.write_text('{"name": "a"}\n' + "x" * 1000 + '\n{"name": "b"}\n')
    first, bad, last = read(path)
    assert isinstance(bad, ItemFailureAt)
    assert "longer than 64 bytes" in bad.failure.message
    assert (first[1], last[1]) == ({"name": "a"}, {"name": "b"})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_missing_column_is_an_error_that_names_the_nearest(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputColumnError, match=r"no column 'captions'.*'caption'"):
        read(written(tmp_path, suffix), ("captions",))


def test_a_large_json_array_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_files, "MAX_JSON_ARRAY", 10)
    with pytest.raises(InputFileError, match=r"jq -c '\.\[\]' file\.json > file\.jsonl"):
        read(written(tmp_path, ".json"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.xlsx", b""),
        ("x.csv", b'"a"b,c\n1,2\n'),
        ("x.parquet", b"PAR1"),
        ("x.json", b"{"),
        ("x.json", b"{}"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_an_error(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=r"^AB-G01: .*" + name):
        read(tmp_path / name)


def test_an_empty_file_has_no_entries(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.touch()
    assert read(path) == []
