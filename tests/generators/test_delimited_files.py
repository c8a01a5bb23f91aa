"""Every line of a table is an entry or a failure that names it, whatever it holds."""

import codecs
from pathlib import Path

import pytest
from pydantic import ValidationError

from alignbench.generators.sources.captions import CaptionsOptions
from alignbench.generators.sources.record_files import read_records
from alignbench.generators.sources.records import Record
from alignbench.generators.sources.table_text import TableLayout
from alignbench.schemas.protocols import ItemFailureAt

CAPTIONS = [
    'A red bus.',
    '"Stop" says the sign on the left.',
    '"The last bus',
    "A dog sleeps.",
    'A cat says "meow.',
    'A ruler of 12"',
    "Two birds fly.",
]  # fmt: skip


def read(path: Path, layout: TableLayout = TableLayout()) -> list[Record | ItemFailureAt]:  # noqa: B008
    columns = ("file_name", "caption")
    return list(read_records(path, columns=columns, required=columns, layout=layout))


def captions(records: list[Record | ItemFailureAt]) -> list[object]:
    return [
        record.values["caption"] if isinstance(record, Record) else record.locator
        for record in records
    ]


def lines(delimiter: str, texts: list[str] = CAPTIONS) -> str:
    rows = [("file_name", "caption"), *((f"{n}.png", text) for n, text in enumerate(texts))]
    return "".join(delimiter.join(row) + "\n" for row in rows)


def test_quotation_marks_of_a_tsv_are_part_of_its_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(lines("\t"))
    assert captions(read(path)) == CAPTIONS
    path.write_text(lines("\t").rstrip("\n").replace("\n", "\r\n"), newline="")
    assert captions(read(path)) == CAPTIONS


def test_a_tsv_may_be_said_to_have_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('file_name\tcaption\n1.png\t"Two\nlines, ""one"" field"\n2.png\tA dog.\n')
    assert captions(read(path, TableLayout(quotes=True))) == ['Two\nlines, "one" field', "A dog."]
    assert captions(read(path)) == ['"Two', "a.tsv:3", "A dog."]


def test_a_csv_may_be_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(lines(","))
    assert captions(read(path, TableLayout(quotes=False))) == CAPTIONS


def test_a_mark_that_nothing_closes_takes_no_other_row_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(lines(","))
    # The second is quoted wrongly, the third swallows all up to the ruler.
    assert captions(read(path)) == [
        "A red bus.", "a.csv:3", "a.csv:4", "A dog sleeps.", 'A cat says "meow.',
        'A ruler of 12"', "Two birds fly.",
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [3, 5_000])
def test_a_mark_that_is_open_to_the_end_fails_its_own_line_only(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(lines(",", ['"A dog', *["A cat."] * rows]))
    first, *others = read(path)
    assert isinstance(first, ItemFailureAt)
    assert first.locator == "a.csv:2"
    assert "quotation mark" in first.failure.message
    assert captions(others) == ["A cat."] * rows


def test_lines_within_quotes_are_one_field_if_they_are_no_entries(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "A sign reads, in red:\nSTOP, now\n\nIt stands in photo.png, too"
    path.write_text(f'file_name,caption\n1.png,"{text}"\n\n2.png,A dog.\n')
    first, second = read(path)
    assert captions([first, second]) == [text, "A dog."]
    assert second[0] == "a.csv:7"


def test_swallowed_addresses_are_found_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('url,caption\nhttp://a/1,"A dog\nhttp://a/2,A cat\nhttp://a/3,A ruler of 12"\n')
    found = list(read_records(path, columns=(), required=("url", "caption")))
    assert captions(found) == ["a.csv:2", "A cat", 'A ruler of 12"']


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF8, "utf-8"),
    ],
)  # fmt: skip
def test_an_encoding_is_told_by_its_mark(
    tmp_path: Path, suffix: str, mark: bytes, encoding: str
) -> None:
    path = tmp_path / f"a{suffix}"
    texts = ["Ein grüner Bus.", "一辆红色的巴士。", "A 🐈 sleeps."]
    written = lines("," if suffix == ".csv" else "\t", texts)
    if suffix == ".jsonl":
        written = "".join(f'{{"file_name": "a", "caption": "{text}"}}\n' for text in texts)
    path.write_bytes(mark + written.encode(encoding))
    assert captions(read(path)) == texts


@pytest.mark.parametrize("encoding", ["cp1252", "gb18030", "shift_jis", "utf-16-le", "koi8-r"])
def test_another_encoding_is_read_by_its_name(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.tsv"
    spoken = ("Ein grüner Bus.", "красный автобус 一")
    texts = [text.encode(encoding, "ignore").decode(encoding) for text in spoken]
    path.write_bytes(lines("\t", texts).encode(encoding))
    assert captions(read(path, TableLayout(encoding))) == texts


def test_a_line_in_another_encoding_fails_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"file_name\tcaption\n1.png\tEin gr\xfcner Bus.\n2.png\tA dog.\n")
    first, second = read(path)
    assert isinstance(first, ItemFailureAt)
    assert "set `encoding`" in first.failure.message
    assert captions([second]) == ["A dog."]


def test_an_unknown_encoding_is_refused_with_the_configuration() -> None:
    assert CaptionsOptions(path="a", images="b", encoding="cp1252").layout.encoding == "cp1252"
    for name in ("utf-99", "base64", "rot13"):
        with pytest.raises(ValidationError, match="no encoding"):
            CaptionsOptions(path="a", images="b", encoding=name)
