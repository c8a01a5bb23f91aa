"""What researchers load a release with: all of them see the same rows, images and spans."""

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow.dataset
import pytest
import yaml
from PIL import Image

from alignbench import evaluate, open_release, verify
from alignbench.release.diff import diff_releases
from alignbench.release_format.columns import DATA_SCHEMA, VOTE_SCHEMA, card_features, with_features
from alignbench.release_format.errors import ReleaseColumnError
from alignbench.schemas.ids import sha256_hex
from alignbench.workspace.errors import UnsafeKeyError
from alignbench.workspace.stores.local import LocalStore
from tests.release.corruption import DATA

ORIGINAL_COLUMNS = [
    "model", "image_source", "image_name", "image_type", "sentence_index", "caption", "annotation",
    "error_type", "error_words", "agreement_ratio", "fleiss_Pi", "n_correct", "n_incorrect",
    "n_unknown", "image_url", "image_path_in_repo",
]  # fmt: skip
MODELS = ["careful", "hasty", "painter"]


@pytest.fixture(scope="module")
def rows(released: Path) -> list[dict[str, Any]]:
    """All rows as pyarrow reads them."""
    files = sorted(str(path) for path in released.glob("data/*/*.parquet"))
    return pyarrow.dataset.dataset(files).to_table().to_pylist()


def by_sentence(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["sentence_id"]: row for row in rows}


def test_the_first_sixteen_columns_are_those_of_the_original(rows):
    assert list(rows[0])[:16] == ORIGINAL_COLUMNS
    assert list(rows[0]) == DATA_SCHEMA.names


def test_spans_and_sentences_are_exact_in_every_script(rows):
    assert any("🎈" in row["caption"] for row in rows)
    assert any("赤" in row["caption"] for row in rows)
    marked = [row for row in rows if row["error_spans"]]
    assert len(marked) > 5
    for row in rows:
        assert row["full_caption"][row["sentence_start"] : row["sentence_end"]] == row["caption"]
        for span in row["error_spans"]:
            assert row["caption"][span["start"] : span["end"]] == span["text"]


def test_embedded_images_are_the_stored_bytes(rows):
    for row in rows:
        if row["image"] is not None:
            assert sha256_hex(row["image"]["bytes"]) == row["image_id"]
            assert row["image"]["path"] == f"{row['image_id']}.png"


def test_an_image_that_may_not_be_passed_on_is_there_by_url_only(rows):
    forbidden = [row for row in rows if row["image_name"] == "photo 0.png"]
    assert forbidden
    assert all(row["image"] is None and row["image_url"] for row in forbidden)
    both = [row for row in rows if row["image_name"] == "photo 1.png"]
    assert all(row["image"] is not None and row["image_source"] == "photos" for row in both)


@pytest.mark.parametrize("config", [None, "all", *MODELS])
def test_datasets_loads_each_config_with_decoded_images(datasets, released, rows, config):
    found = datasets.load_dataset(str(released), config, split="test")
    expected = [row for row in rows if config in (None, "all", row["model"])]
    assert found.num_rows == len(expected)
    assert isinstance(found.features["image"], datasets.Image)
    assert_same(found, by_sentence(expected))


@pytest.mark.parametrize("config", ["all", *MODELS])
def test_datasets_streams_each_config(datasets, released, rows, config):
    found = list(datasets.load_dataset(str(released), config, split="test", streaming=True))
    expected = [row for row in rows if config in ("all", row["model"])]
    assert len(found) == len(expected)
    assert_same(found, by_sentence(expected))


def assert_same(found: Any, expected: dict[str, dict[str, Any]]) -> None:
    for row in found:
        wanted = expected[row["sentence_id"]]
        for name in set(DATA_SCHEMA.names) - {"image"}:
            assert row[name] == wanted[name], name
        if wanted["image"] is None:
            assert row["image"] is None
        else:
            with Image.open(io.BytesIO(wanted["image"]["bytes"])) as image:
                assert row["image"].tobytes() == image.tobytes()


def test_datasets_loads_the_votes(datasets, released):
    votes = datasets.load_dataset(str(released), "annotations", split="test")
    assert votes.num_rows == 48 + 4  # 4 answers to gold
    assert set(votes["annotator"]) == {"A001", "A002", "A003", "A004"}


def test_polars_duckdb_and_pandas_see_the_same_rows(released, rows):
    glob = str(released / "data" / "*" / "*.parquet")
    expected = by_sentence(rows)
    from_polars = polars.read_parquet(glob).to_dicts()
    relation = duckdb.sql(f"SELECT * FROM '{glob}'")
    from_duckdb = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    for found in (from_polars, from_duckdb):
        assert [list(row) for row in found] == [DATA_SCHEMA.names] * len(rows)
        assert by_sentence(found) == expected
    frame = pandas.concat([pandas.read_parquet(path) for path in released.glob("data/*/*.parquet")])
    assert len(frame) == len(rows)
    for row in frame.to_dict("records"):
        wanted = expected[row["sentence_id"]]
        assert [dict(span) for span in row["error_spans"]] == wanted["error_spans"]
        assert row["image"] == wanted["image"]
        assert row["caption"] == wanted["caption"]


def test_the_features_are_what_datasets_makes_of_the_columns(datasets):
    for schema in (DATA_SCHEMA, VOTE_SCHEMA):
        declared = json.loads(with_features(schema)["huggingface"])["info"]["features"]
        features = datasets.Features.from_dict(declared)
        assert features._to_yaml_list() == card_features(schema)
        assert features.arrow_schema.names == schema.names
        assert [f.type for f in features.arrow_schema] == [f.type for f in schema]
        assert '"List"' not in with_features(schema)["huggingface"]


def test_the_front_matter_of_the_card_is_yaml(released):
    _, front, body = (released / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(front)
    names = [config["config_name"] for config in card["configs"]]
    assert names == ["all", *MODELS, "annotations"]
    assert [config.get("default", False) for config in card["configs"]] == [True] + [False] * 4
    assert [info["config_name"] for info in card["dataset_info"]] == names
    assert card["license"] == "cc-by-4.0"
    assert body.lstrip().startswith("# A small benchmark")


def test_a_release_in_a_hubs_cache_is_read_through_its_links(released, tmp_path):
    snapshot, blobs = tmp_path / "snapshots" / "0a1b", tmp_path / "blobs"
    blobs.mkdir()
    for file in (path for path in released.rglob("*") if path.is_file()):
        blob = blobs / sha256_hex(file.read_bytes())
        blob.write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(released)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    assert not verify(snapshot).findings
    assert (
        open_release(str(snapshot)).to_pandas().shape
        == open_release(str(released)).to_pandas().shape
    )
    with pytest.raises(UnsafeKeyError, match="reading only"):
        LocalStore(snapshot, follows_links=True).write("a", b"")
    (snapshot / "data" / "endless").symlink_to("/dev/zero")
    os.mkfifo(snapshot / "waits")
    assert verify(snapshot).findings is not None


@pytest.mark.parametrize("damage", [b"", b"x" * 500, None], ids=["empty", "no Parquet", "a page"])
def test_a_damaged_file_is_named_by_whatever_reads_it(released, tmp_path, damage):
    copy = Path(shutil.copytree(released, tmp_path / "copy"))
    file = copy / DATA
    data = bytearray(file.read_bytes())
    data[4:2000] = bytes(1996)
    file.write_bytes(bytes(data) if damage is None else damage)
    release = open_release(str(copy))
    for read in (
        lambda: list(release.sentences()),
        lambda: release.to_arrow(images=True),
        lambda: diff_releases(str(copy), str(copy)),
        lambda: evaluate(
            copy, {"mine": lambda _, sentences: [0.5] * len(sentences)}, tmp_path / "o"
        ),
    ):
        with pytest.raises(ReleaseColumnError, match="careful/test-00000"):
            read()
    assert not verify(copy).ok
