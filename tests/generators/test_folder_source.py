import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from alignbench.generators import image_checks
from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.sources.folder import FolderOptions, FolderSource
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, Source, Surroundings

SortOut = Callable[..., tuple[list, list]]  # type: ignore[type-arg]


@pytest.fixture
def photos(tmp_path: Path, png: bytes) -> Path:
    folder = tmp_path / "photos"
    for name in ("b.png", "a.JPG", "deep/c.webp", "deep/er/d.jpeg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png + name.encode())
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(png)
    (folder / ".cache").mkdir()
    (folder / ".cache/e.png").write_bytes(png)
    return folder


def source(surroundings: Surroundings, **options: object) -> FolderSource:
    made: Source = FolderSource(FolderOptions(**({"path": "photos"} | options)), surroundings)  # type: ignore[arg-type]
    return made  # type: ignore[return-value]


def test_images_come_in_order_of_their_paths_and_nothing_else_does(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    items, failures = sort_out(source(surroundings).items())
    assert [item.locator for item in items] == ["a.JPG", "b.png", "deep/c.webp", "deep/er/d.jpeg"]
    assert [item.image_name for item in items] == [item.locator for item in items]
    assert failures == []


def test_reading_gives_each_files_bytes_in_the_order_asked(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    folder = source(surroundings)
    items, _ = sort_out(folder.items())
    read = folder.read(list(reversed(items)))
    assert read == [(photos / item.locator).read_bytes() for item in reversed(items)]


def test_a_search_can_stay_at_the_top_and_be_narrowed(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    def found(**options: object) -> list[str]:
        items, failures = sort_out(source(surroundings, **options).items())
        assert failures == []
        return [item.locator for item in items]

    assert found(recursive=False) == ["a.JPG", "b.png"]
    assert found(pattern="deep/*") == ["deep/c.webp", "deep/er/d.jpeg"]
    assert found(extensions=[".PNG"]) == ["b.png"]


@pytest.mark.parametrize("ending", [".jfif", ".JPE", ".pjpeg", ".HEIC", ".hif", ".j2k", ".dib"])
def test_no_image_is_passed_over_for_a_rarer_ending(
    photos: Path, surroundings: Surroundings, sort_out: SortOut, ending: str
) -> None:
    (photos / f"saved{ending}").write_bytes(b"x")
    items, _ = sort_out(source(surroundings).items())
    assert f"saved{ending}" in [item.locator for item in items]


def test_files_passed_over_are_counted_by_ending(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.psd", "deep/c.PSD", "deep/d.psd", "e.cr2", "README", ".hidden.psd"):
        (folder / name).write_bytes(b"x")
    (folder / "metadata.csv").write_text("file_name\na.png\n")
    made = source(Surroundings("mine", tmp_path))
    assert made.notes() == ()
    for _ in range(2):  # a second listing counts anew
        assert len(list(made.items())) == 1
        (note,) = made.notes()
        assert note.startswith("mine: 5 files passed over")
        assert note.endswith("3 .psd, 1 without an ending, 1 .cr2")


def test_a_link_out_of_the_folder_is_a_failure_and_the_rest_goes_on(
    photos: Path, surroundings: Surroundings, sort_out: SortOut, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (photos / "file.png").symlink_to(tmp_path / "secret.png")
    (photos / "folder").symlink_to(tmp_path)
    (photos / "broken.png").symlink_to(photos / "nothing.png")
    (photos / "circle.png").symlink_to(photos / "circle.png")
    items, failures = sort_out(source(surroundings).items())
    assert len(items) == 4
    assert {(at.locator, at.failure.code) for at in failures} == {
        ("file.png", ItemCode.LINK_OUTSIDE),
        ("folder", ItemCode.LINK_OUTSIDE),
        ("broken.png", ItemCode.FILE_MISSING),
        ("circle.png", ItemCode.PATH_INVALID),
    }


def test_a_link_inside_the_folder_is_an_origin_and_a_linked_folder_is_not_searched_twice(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    (photos / "again.png").symlink_to(photos / "b.png")
    (photos / "deep/up").symlink_to(photos)
    folder = source(surroundings)
    items, failures = sort_out(folder.items())
    assert [item.locator for item in items][:2] == ["a.JPG", "again.png"]
    assert len(items) == 5
    assert failures == []
    assert folder.read([items[1]]) == [(photos / "b.png").read_bytes()]


def test_a_link_changed_after_the_listing_is_not_followed_out(
    photos: Path, surroundings: Surroundings, sort_out: SortOut, tmp_path: Path
) -> None:
    folder = source(surroundings)
    items, _ = sort_out(folder.items())
    (tmp_path / "secret.png").write_bytes(b"secret")
    (photos / "b.png").unlink()
    (photos / "b.png").symlink_to(tmp_path / "secret.png")
    (result,) = folder.read([item for item in items if item.locator == "b.png"])
    assert isinstance(result, ItemFailure)
    assert result.code == ItemCode.LINK_OUTSIDE


def test_a_file_that_vanished_fails_alone(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    folder = source(surroundings)
    items, _ = sort_out(folder.items())
    (photos / "a.JPG").unlink()
    first, *others = folder.read(items)
    assert isinstance(first, ItemFailure)
    assert first.code == ItemCode.FILE_MISSING
    assert all(isinstance(data, bytes) for data in others)


def test_a_file_that_is_too_large_is_not_read(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    with (photos / "huge.png").open("wb") as file:
        file.truncate(image_checks.MAX_BYTES + 1)
    folder = source(surroundings, pattern="huge.png")
    (result,) = folder.read(sort_out(folder.items())[0])
    assert isinstance(result, ItemFailure)
    assert result.code == ItemCode.IMAGE_TOO_LARGE


def test_a_name_that_is_not_utf8_is_a_failure_that_can_be_stored(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    with open(os.fsencode(photos) + b"/\xff.png", "wb"):  # noqa: PTH123
        pass
    _, (failure,) = sort_out(source(surroundings).items())
    assert failure.locator == r"\udcff.png"
    assert failure.failure.code == ItemCode.PATH_INVALID


def test_what_the_options_say_holds_for_every_image(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    options = {"license": "CC0-1.0", "redistributable": True, "domain": "Nature"}
    items, _ = sort_out(source(surroundings, **options).items())
    assert {(item.license, item.redistributable, item.domain) for item in items} == {
        ("CC0-1.0", True, "Nature")
    }


METADATA = [
    {"file_name": "a.JPG", "license": "MIT", "redistributable": "False", "source_url": "http://a/"},
    {"file_name": "./deep//c.webp", "domain": "Animal"},
]


def csv_of(rows: list[dict[str, str]]) -> str:
    columns = ["file_name", "license", "redistributable", "source_url", "domain"]
    lines = [",".join(row.get(column, "") for column in columns) for row in rows]
    return "\n".join([",".join(columns), *lines, ""])


def json_lines_of(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "written"), [("metadata.csv", csv_of), ("metadata.jsonl", json_lines_of)]
)
def test_a_metadata_file_is_found_and_overrides_the_options(
    photos: Path,
    surroundings: Surroundings,
    sort_out: SortOut,
    name: str,
    written: Callable[[list[dict[str, str]]], str],
) -> None:
    (photos / name).write_text(written(METADATA))
    items, failures = sort_out(
        source(surroundings, license="CC0-1.0", redistributable=True).items()
    )
    a, b, c, _ = items
    assert failures == []
    assert (a.license, a.redistributable, a.image_url) == ("MIT", False, "http://a/")
    assert (b.license, b.redistributable, b.domain) == ("CC0-1.0", True, None)
    assert (c.license, c.redistributable, c.domain) == ("CC0-1.0", True, "Animal")


def test_rows_of_a_metadata_file_that_fit_no_image_are_failures(
    photos: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    rows = [
        {"file_name": "absent.png"},
        {"file_name": "../up.png"},
        {"file_name": "b.png", "redistributable": "perhaps"},
        {"file_name": "a.JPG"},
        {"file_name": "a.JPG"},
        {"file_name": "notes.txt"},
    ]
    (photos / "metadata.csv").write_text(csv_of(rows))
    items, failures = sort_out(source(surroundings).items())
    assert len(items) == 4
    assert [(at.locator, at.failure.code) for at in failures] == [
        ("metadata.csv:3", ItemCode.PATH_OUTSIDE),
        ("metadata.csv:4", ItemCode.ENTRY_INVALID),
        ("metadata.csv:6", ItemCode.ENTRY_TWICE),
        ("absent.png", ItemCode.FILE_MISSING),
    ]


def test_a_metadata_file_without_file_names_is_an_error(
    photos: Path, surroundings: Surroundings
) -> None:
    (photos / "metadata.csv").write_text("filename,license\nb.png,MIT\n")
    with pytest.raises(InputColumnError, match="Did you mean 'filename'"):
        list(source(surroundings).items())


def test_a_named_metadata_file_must_be_there(photos: Path, surroundings: Surroundings) -> None:
    with pytest.raises(InputFileError, match=r"rights\.csv"):
        list(source(surroundings, metadata="rights.csv").items())


@pytest.mark.parametrize("path", ["nowhere", "photos/b.png"])
def test_a_folder_that_is_none_is_an_error_when_the_source_is_made(
    photos: Path, surroundings: Surroundings, path: str
) -> None:
    with pytest.raises(InputFileError, match=r"^AB-G01: .*'here'"):
        source(surroundings, path=path)
