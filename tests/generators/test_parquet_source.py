import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alignbench.generators.errors import InputColumnError, InputFileError
from alignbench.generators.image_checks import CheckedImage, check_image
from alignbench.generators.sources.parquet import ParquetOptions, ParquetSource
from alignbench.generators.sources.parquet_files import ImageParquetFile
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, SourceItem, Surroundings

SortOut = Callable[..., tuple[list[Any], list[Any]]]
Encode = Callable[..., bytes]


def source(surroundings: Surroundings, path: str, **options: Any) -> ParquetSource:
    return ParquetSource(ParquetOptions(path=path, **options), surroundings)


@pytest.fixture
def encoded(encode: Encode) -> list[bytes]:
    return [encode(Image.new("RGB", (8, 8), (shade, 0, 0))) for shade in range(25)]


@pytest.fixture
def shard(tmp_path: Path, encoded: list[bytes]) -> Path:
    """A file of three row groups, as `datasets` writes one."""
    images = [{"bytes": data, "path": f"{n}.png"} for n, data in enumerate(encoded)]
    columns = {
        "image": images,
        "text": [f"Caption {n}." for n in range(25)],
        "by": ["m" if n % 2 else "n" for n in range(25)],
        "license": ["MIT" if n else None for n in range(25)],
        "url": [f"http://a.example/{n}" for n in range(25)],
        "id": list(range(25)),
    }
    features = datasets.Features(
        {
            "image": datasets.Image(),
            **{name: datasets.Value("string") for name in ("text", "by", "license", "url")},
            "id": datasets.Value("int64"),
        }
    )
    path = tmp_path / "data/train-00000-of-00001.parquet"
    path.parent.mkdir()
    datasets.Dataset.from_dict(columns, features=features).to_parquet(path, batch_size=10)
    assert pq.ParquetFile(path).metadata.num_row_groups == 3
    return path


def test_the_embedded_images_of_a_datasets_file_are_read(
    shard: Path, encoded: list[bytes], surroundings: Surroundings, sort_out: SortOut
) -> None:
    parquet = source(surroundings, "data")
    items, failures = sort_out(parquet.items())
    assert failures == []
    assert [item.locator for item in items] == [f"{shard.name}#{row}" for row in range(25)]
    assert [item.image_name for item in items] == [f"{row}.png" for row in range(25)]
    assert parquet.read(items) == encoded
    assert parquet.read(items[::-7]) == encoded[::-7]


@pytest.mark.parametrize(
    "kind",
    [
        pa.struct([("bytes", pa.binary())]),
        pa.struct([("bytes", pa.large_binary())]),
        pa.struct([("height", pa.int32()), ("bytes", pa.binary())]),
        pa.struct([("path", pa.string()), ("bytes", pa.binary())]),
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
    ],
    ids=str,
)
def test_every_layout_of_embedded_images_is_read(
    tmp_path: Path, encoded: list[bytes], surroundings: Surroundings, sort_out: SortOut, kind: Any
) -> None:
    images: list[Any] = list(encoded)
    if pa.types.is_struct(kind):
        images = [{"bytes": data} for data in encoded]
    table = pa.table({"image": pa.array([None, *images], kind)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    parquet = source(surroundings, "a.parquet")
    items, failures = sort_out(parquet.items())
    assert failures == []
    empty, *found = parquet.read(items)
    assert found == encoded
    assert isinstance(empty, ItemFailure)
    assert empty.code == ItemCode.IMAGE_NOT_EMBEDDED


def test_images_that_datasets_encodes_itself_pass_the_check(
    tmp_path: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    pictures = [Image.new("RGB", (8, 6), "red"), Image.new("L", (5, 5), 9)]
    features = datasets.Features({"image": datasets.Image()})
    made = datasets.Dataset.from_dict({"image": pictures}, features=features)
    made.to_parquet(tmp_path / "made.parquet")
    parquet = source(surroundings, "made.parquet")
    items, _ = sort_out(parquet.items())
    checked = [check_image(data) for data in parquet.read(items)]  # type: ignore[arg-type]
    assert [(c.width, c.height) for c in checked if isinstance(c, CheckedImage)] == [(8, 6), (5, 5)]


def test_other_columns_become_captions_licences_and_names(
    shard: Path, surroundings: Surroundings, sort_out: SortOut
) -> None:
    options = {"caption_column": "text", "model_column": "by", "name_column": "id"}
    items, _ = sort_out(source(surroundings, str(shard), license="unknown", **options).items())
    first, second, *_ = items
    assert (first.image_name, first.caption, first.caption_model) == ("0", "Caption 0.", "n")
    assert (first.license, second.license) == ("unknown", "MIT")
    assert second.image_url == "http://a.example/1"
    one_model = {"caption_column": "text", "caption_model": "theirs"}
    items, _ = sort_out(source(surroundings, str(shard), **one_model).items())
    assert {item.caption_model for item in items} == {"theirs"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data", "train-00000-of-00001.parquet"),
        ("data/train-00000-of-00001.parquet", "train-00000-of-00001.parquet"),
        ("*/train-*.parquet", "data/train-00000-of-00001.parquet"),
        (".", "data/train-00000-of-00001.parquet"),
    ],
)
def test_a_file_a_folder_and_a_pattern_are_understood(
    shard: Path, surroundings: Surroundings, sort_out: SortOut, path: str, name: str
) -> None:
    parquet = source(surroundings, path)
    items, _ = sort_out(parquet.items())
    assert items[24].locator == f"{name}#24"
    assert isinstance(parquet.read(items[24:])[0], bytes)


def test_brackets_in_the_name_of_the_workspace_are_no_pattern(
    shard: Path, sort_out: SortOut, tmp_path: Path
) -> None:
    folder = tmp_path / "[x]"
    folder.mkdir()
    (folder / "a.parquet").write_bytes(shard.read_bytes())
    items, _ = sort_out(source(Surroundings("here", folder), "*.parquet").items())
    assert items[0].locator == "a.parquet#0"


def test_several_files_are_read_in_order(
    shard: Path, surroundings: Surroundings, sort_out: SortOut, encoded: list[bytes]
) -> None:
    (shard.parent / "a.parquet").write_bytes(shard.read_bytes())
    parquet = source(surroundings, "data")
    items, _ = sort_out(parquet.items())
    assert items[0].locator == "a.parquet#0"
    assert parquet.read(items) == encoded * 2


def test_each_row_group_is_read_once_when_rows_are_asked_for_in_order(
    shard: Path, encoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ImageParquetFile(shard, "image")
    read: list[int] = []
    original = file._file.read_row_group
    monkeypatch.setattr(
        file._file,
        "read_row_group",
        lambda group, **options: read.append(group) or original(group, **options),
    )
    assert [file.image(row) for row in range(25)] == encoded
    assert read == [0, 1, 2]


def test_a_row_without_bytes_fails_alone(
    tmp_path: Path, surroundings: Surroundings, sort_out: SortOut, png: bytes
) -> None:
    images = [{"bytes": png, "path": None}, {"bytes": None, "path": "/etc/passwd"}, None]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(images, kind)}), tmp_path / "x.parquet")
    parquet = source(surroundings, "x.parquet")
    items, failures = sort_out(parquet.items())
    assert failures == []
    assert [item.image_name for item in items] == ["x.parquet#0", "/etc/passwd", "x.parquet#2"]
    first, *others = parquet.read(items)
    assert first == png
    for other in others:
        assert isinstance(other, ItemFailure)
        assert other.code == ItemCode.IMAGE_NOT_EMBEDDED


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_a_plain_column_of_bytes_is_read(
    tmp_path: Path, surroundings: Surroundings, sort_out: SortOut, png: bytes, kind: Any
) -> None:
    pq.write_table(pa.table({"jpg": pa.array([png, None], kind)}), tmp_path / "x.parquet")
    parquet = source(surroundings, "x.parquet", image_column="jpg")
    items, _ = sort_out(parquet.items())
    first, second = parquet.read(items)
    assert first == png
    assert isinstance(second, ItemFailure)


def test_a_link_out_of_the_folder_is_a_failure(
    shard: Path, surroundings: Surroundings, sort_out: SortOut, tmp_path: Path
) -> None:
    (tmp_path / "outside.parquet").write_bytes(shard.read_bytes())
    (shard.parent / "a.parquet").symlink_to(tmp_path / "outside.parquet")
    parquet = source(surroundings, "data")
    items, (failure,) = sort_out(parquet.items())
    assert len(items) == 25
    assert (failure.locator, failure.failure.code) == ("a.parquet", ItemCode.LINK_OUTSIDE)
    (result,) = parquet.read([SourceItem(locator="../outside.parquet#0", image_name="x")])
    assert isinstance(result, ItemFailure)
    assert result.code == ItemCode.PATH_OUTSIDE


def test_a_caption_that_is_null_is_a_failure_at_its_row(
    tmp_path: Path, surroundings: Surroundings, sort_out: SortOut, png: bytes
) -> None:
    table = pa.table({"image": [png, png], "text": ["A cat.", None]})
    pq.write_table(table, tmp_path / "x.parquet")
    options = {"caption_column": "text", "caption_model": "m"}
    items, (failure,) = sort_out(source(surroundings, "x.parquet", **options).items())
    assert len(items) == 1
    assert (failure.locator, failure.failure.code) == ("x.parquet#1", ItemCode.ENTRY_INCOMPLETE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_column": "img"}, "no column 'img'"),
        ({"image_column": "text"}, "is string, not embedded images"),
        ({"caption_column": "caption", "caption_model": "m"}, "no column 'caption'"),
    ],
)
def test_a_wrong_column_is_an_error(
    shard: Path, surroundings: Surroundings, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputColumnError, match=message):
        list(source(surroundings, "data", **options).items())


def test_what_is_no_parquet_is_an_error(tmp_path: Path, surroundings: Surroundings) -> None:
    (tmp_path / "x.parquet").write_bytes(b"not Parquet")
    with pytest.raises(InputFileError, match=r"x\.parquet"):
        list(source(surroundings, "x.parquet").items())
    with pytest.raises(InputFileError, match="finds no Parquet file"):
        source(surroundings, "*.pq")


def test_listing_reads_no_image(tmp_path: Path, surroundings: Surroundings) -> None:
    """The listing survives image bytes that are ruined on disk, so it cannot have read them."""
    marker = io.BytesIO(b"\xab" * 50_000).getvalue()
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": marker, "path": "a.png"}] * 3, kind)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"image": images}), path, compression="snappy", use_dictionary=False)
    data = path.read_bytes()
    found = pq.ParquetFile(path).metadata.row_group(0).column(0)
    start = found.data_page_offset
    path.write_bytes(data[:start] + b"\xff" * found.total_compressed_size
                     + data[start + found.total_compressed_size :])  # fmt: skip
    parquet = source(surroundings, "x.parquet")
    items = [item for item in parquet.items() if isinstance(item, SourceItem)]
    assert [item.image_name for item in items] == ["a.png"] * 3
    with pytest.raises(InputFileError):
        parquet.read(items)
