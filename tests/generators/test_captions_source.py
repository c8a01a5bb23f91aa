import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignbench.generators.errors import InputColumnError
from alignbench.generators.sources.captions import CaptionsOptions, CaptionsSource
from alignbench.scenes.photographs import __file__ as photographs
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, Surroundings

SortOut = Callable[..., tuple[list[Any], list[Any]]]


@pytest.fixture
def images(tmp_path: Path, png: bytes) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.png").write_bytes(png)
    (folder / "sub/b.png").write_bytes(png + b"b")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    return folder


def source(
    surroundings: Surroundings, lines: list[object], name: str = "captions.jsonl", **options: object
) -> CaptionsSource:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    if name.endswith(".json"):
        text = json.dumps(lines)
    (surroundings.folder / name).write_text(text)
    values: Any = {"path": name, "images": "images"} | options
    return CaptionsSource(CaptionsOptions(**values), surroundings)


def line(file_name: object = "a.png", caption: object = "A cat.", model: object = "m") -> object:
    return {"file_name": file_name, "caption": caption, "model": model}


def test_each_line_is_an_item_with_its_caption_and_model(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    captions = source(surroundings, [line(), line(model="n"), line("./sub//b.png", "A dog.")])
    items, failures = sort_out(captions.items())
    assert failures == []
    assert [(item.image_name, item.caption, item.caption_model) for item in items] == [
        ("a.png", "A cat.", "m"),
        ("a.png", "A cat.", "n"),
        ("sub/b.png", "A dog.", "m"),
    ]
    assert items[0].locator == f"a.png#m@{text_sha256('A cat.')[:16]}"
    assert len({item.locator for item in items}) == 3
    assert captions.read(items) == [
        (images / name).read_bytes() for name in ("a.png", "a.png", "sub/b.png")
    ]


def test_bad_lines_are_failures_with_their_line_numbers_and_the_others_go_on(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    bad: list[tuple[object, ItemCode]] = [
        (line("../../etc/passwd"), ItemCode.PATH_OUTSIDE),
        (line("/etc/passwd"), ItemCode.PATH_OUTSIDE),
        (line("out.png"), ItemCode.LINK_OUTSIDE),
        (line(""), ItemCode.ENTRY_INCOMPLETE),
        (line("."), ItemCode.PATH_INVALID),
        (line(model=""), ItemCode.ENTRY_INCOMPLETE),
        ("{ this is not JSON", ItemCode.ENTRY_UNREADABLE),
        ({"file_name": "a.png", "model": "m"}, ItemCode.ENTRY_INCOMPLETE),
        (line(model=None), ItemCode.ENTRY_INCOMPLETE),
        (line(caption=["A", "cat"]), ItemCode.ENTRY_INVALID),
        (line(file_name=7), ItemCode.ENTRY_INVALID),
    ]
    lines = [line(), *(entry for entry, _ in bad), line("sub/b.png")]
    items, failures = sort_out(source(surroundings, lines).items())
    assert [item.image_name for item in items] == ["a.png", "sub/b.png"]
    assert [(at.locator, at.failure.code) for at in failures] == [
        (f"captions.jsonl:{number}", code) for number, (_, code) in enumerate(bad, start=2)
    ]


def test_an_image_that_is_not_there_fails_alone_when_it_is_read(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    captions = source(surroundings, [line("absent.png"), line()])
    items, _ = sort_out(captions.items())
    absent, present = captions.read(items)
    assert isinstance(absent, ItemFailure)
    assert absent.code == ItemCode.FILE_MISSING
    assert isinstance(present, bytes)


@pytest.mark.parametrize(
    ("raw", "caption"),
    [
        ("A \\ud800cat\\u0000.", "A cat."),
        ("One.\\r\\nTwo.", "One.\nTwo."),
        ("  two  spaces ", "  two  spaces "),
        ("", ""),
        ("e\\u0301 \\ud83d\\udc08", "e\u0301 🐈"),
    ],
)
def test_captions_are_cleaned_of_what_cannot_be_stored_and_of_nothing_else(
    images: Path, surroundings: Surroundings, sort_out: SortOut, raw: str, caption: str
) -> None:
    written = f'{{"file_name": "a.png", "caption": "{raw}", "model": "m"}}'
    (item,), failures = sort_out(source(surroundings, [written]).items())
    assert failures == []
    assert item.caption == caption
    assert item.locator.endswith(text_sha256(caption)[:16])


def test_a_caption_of_200_000_characters_passes(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    (item,), _ = sort_out(source(surroundings, [line(caption="word " * 40_000)]).items())
    assert len(item.caption) == 200_000


def test_columns_can_be_named_and_one_model_given_for_all(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    options = {"image_column": "img", "caption_column": "text", "model": "theirs"}
    entry = {"img": "a.png", "text": "A cat.", "model": "ignored"}
    (item,), _ = sort_out(source(surroundings, [entry], **options).items())
    assert (item.caption, item.caption_model) == ("A cat.", "theirs")


def test_the_metadata_of_the_folder_is_used_where_the_line_says_nothing(
    images: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    (images / "metadata.csv").write_text(
        "file_name,license,redistributable,source_url\na.png,MIT,yes,http://a/\nother.png,MIT,,\n"
    )
    own = {"file_name": "a.png", "caption": "A cat.", "model": "n", "license": "CC0-1.0"}
    captions = source(surroundings, [line(), own, line("sub/b.png")], license="unknown")
    items, failures = sort_out(captions.items())
    assert failures == []
    assert [(item.license, item.redistributable, item.image_url) for item in items] == [
        ("MIT", True, "http://a/"),
        ("CC0-1.0", True, "http://a/"),
        ("unknown", None, None),
    ]


def sharegpt(image: str = "a.png", answers: tuple[str, ...] = ("A cat.",)) -> dict[str, object]:
    turns = [
        turn
        for answer in answers
        for turn in ({"from": "human", "value": "<image>?"}, {"from": "gpt", "value": answer})
    ]
    return {"id": "1", "image": image, "conversations": turns}


@pytest.mark.parametrize("name", ["captions.jsonl", "captions.json"])
def test_sharegpt_entries_are_read_as_lines_and_as_one_array(
    images: Path, surroundings: Surroundings, sort_out: SortOut, name: str
) -> None:
    lines: list[object] = [
        sharegpt(),
        sharegpt("sub/b.png", ("A dog.", "Two dogs.")),
        {"conversations": []},
        {"image": "a.png", "conversations": "A cat."},
        sharegpt("sub/b.png", ("A dog.",)),
    ]
    options = {"format": "sharegpt", "model": "gpt4-vision"}
    items, failures = sort_out(source(surroundings, lines, name, **options).items())
    assert [(item.image_name, item.caption) for item in items] == [
        ("a.png", "A cat."),
        ("sub/b.png", "A dog."),
    ]
    assert items[0].caption_model == "gpt4-vision"
    assert [at.failure.code for at in failures] == [
        ItemCode.ENTRY_INVALID,
        ItemCode.ENTRY_INCOMPLETE,
        ItemCode.ENTRY_INVALID,
    ]
    assert "2 answers" in failures[0].failure.message


def test_a_csv_without_the_column_is_an_error(images: Path, surroundings: Surroundings) -> None:
    captions = source(surroundings, ["file_name,text,model"], "captions.csv")
    with pytest.raises(InputColumnError, match="no column 'caption'"):
        list(captions.items())


def test_the_captions_of_the_sample_photographs_are_read(
    sort_out: SortOut, surroundings: Surroundings
) -> None:
    folder = Path(photographs).parent
    options = CaptionsOptions(path=str(folder / "captions.jsonl"), images=str(folder))
    items, failures = sort_out(CaptionsSource(options, surroundings).items())
    assert failures == []
    assert len(items) == len((folder / "captions.jsonl").read_text().splitlines())
    assert len({item.locator for item in items}) == len(items)
    assert all(item.license for item in items)
