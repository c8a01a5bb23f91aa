"""`verify` holds imported rows to what their set can know, and still takes older releases."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignbench.flows.imports import import_set
from alignbench.release.diff import diff_releases
from alignbench.release.verify.verify import verify
from alignbench.release_format.columns import VOTE_SCHEMA, data_schema, features_of_version_2
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from tests.release.corruption import change_rows, change_text, reseal, rewrite
from tests.release.importers.specimens import written

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def hat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hat")
    import_set("hat", written(folder, "hat"), str(folder / "hat" / "1.0.0"))
    return folder / "hat" / "1.0.0"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda row: row.update(n_correct=1), "R28"),
        (lambda row: row.update(n_correct=0, n_incorrect=1, n_unknown=0), "R28"),
        (lambda row: row.update(confidence=1.0), "R28"),
        (lambda row: row.update(agreement_ratio=1.0), "R28"),
        (lambda row: row.update(flags=[]), "R28"),
        (lambda row: row.update(flags=["image_id_from_locator", "mine"]), "R28"),
        (lambda row: row.update(image_id="0" * 64), "R28"),
        (lambda row: row.update(perceptual_hash="0" * 16), "R28"),
        (lambda row: row.update(origin=None), "R28"),
        (lambda row: row.update(own_labels="{"), "R28"),
        (lambda row: row.update(label_method="majority"), "R09"),
        (lambda row: row["error_spans"][0].update(type="nonsense"), "R14"),
        (lambda row: row["error_spans"][0].update(start=0), "R14"),
        (lambda row: row.update(error_words=["other"]), "R15"),
        (lambda row: row.update(error_type="object"), "R15"),
    ],
)
def test_an_imported_row_that_claims_too_much_is_named(hat, tmp_path, change: Change, rule):
    folder = tmp_path / "1.0.0"
    shutil.copytree(hat, folder)
    change_rows(folder, "data/hat/test-00000-of-00001.parquet", lambda rows: change(rows[0]))
    assert rule in verify(folder).broken


def test_a_report_that_names_other_things_is_named(hat, tmp_path):
    folder = tmp_path / "1.0.0"
    shutil.copytree(hat, folder)
    change_text(folder, "import-report.json", '"items": []', '"items": [{"why": "a"}]')
    assert verify(folder).broken == {"R28": 1}
    (folder / "import-report.json").unlink()
    reseal(folder)
    assert verify(folder).broken == {"R28": 1}


def as_version_2(released: Path, folder: Path) -> None:
    """Makes a copy of a release that is as version 2 wrote it."""
    shutil.copytree(released, folder)
    schema = data_schema(2)

    def older(table: pa.Table) -> pa.Table:
        table = table.select(schema.names)
        place = table.schema.get_field_index("schema_version")
        table = table.set_column(place, "schema_version", pa.array([2] * len(table), pa.int32()))
        metadata = {
            key.encode(): text.encode() for key, text in features_of_version_2(schema).items()
        }
        return table.cast(schema).replace_schema_metadata(metadata)

    def older_votes(table: pa.Table) -> pa.Table:
        return table.replace_schema_metadata(features_of_version_2(VOTE_SCHEMA))

    for path in sorted(folder.glob("data/*/*.parquet")):
        rewrite(folder, path.relative_to(folder).as_posix(), older)
    for path in sorted(folder.glob("annotations/*/*.parquet")):
        rewrite(folder, path.relative_to(folder).as_posix(), older_votes)
    change_text(folder, "release.json", '"schema_version": 3', '"schema_version": 2')
    change_text(folder, "release.json", '\n  "imported": null,', "")
    record = json.loads((folder / "release.json").read_text())
    for name in ("language", "authors", "license_name", "license_link", "url", "cite_as", "texts"):
        del record[name]
    (folder / "release.json").write_text(json.dumps(record))
    for path in ("LICENSE", "CITATION.cff"):
        (folder / path).unlink()
    reseal(folder)


def test_a_release_of_version_2_opens_verifies_and_compares(released, tmp_path):
    folder = tmp_path / "old"
    as_version_2(released, folder)
    assert "own_labels" not in pq.read_schema(next(folder.glob("data/*/*.parquet"))).names
    assert verify(folder).findings == ()
    sentences = ReleaseReader(open_release(str(folder))).sentences()
    assert len(sentences) == len(ReleaseReader(open_release(str(released))).sentences())
    assert diff_releases(str(folder), str(released)).counts == {}
