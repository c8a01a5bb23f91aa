"""`verify` holds imported rows to what their set can know, and still takes older releases."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import alignbench
from alignbench.flows.imports import import_set
from alignbench.release.diff import Kind, diff_releases
from alignbench.release.documents.croissant import render_croissant
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksums_of
from alignbench.release_format.columns import (
    data_schema,
    features_of_version_2,
    vote_schema,
    with_features,
)
from alignbench.release_format.folder import open_release
from alignbench.release_format.manifest import Manifest
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


NOT_IN_VERSION_2 = (
    "language", "authors", "license_name", "license_link", "url", "cite_as", "texts", "imported",
)  # fmt: skip


def as_version(version: int, released: Path, folder: Path) -> None:
    """Makes a copy of a release that is as an older version wrote it."""
    shutil.copytree(released, folder)
    schema, votes = data_schema(version), vote_schema(version)
    features = features_of_version_2 if version == 2 else with_features

    def older(table: pa.Table) -> pa.Table:
        table = table.select(schema.names)
        place = table.schema.get_field_index("schema_version")
        said = pa.array([version] * len(table), pa.int32())
        table = table.set_column(place, "schema_version", said)
        metadata = {key.encode(): text.encode() for key, text in features(schema).items()}
        return table.cast(schema).replace_schema_metadata(metadata)

    def older_votes(table: pa.Table) -> pa.Table:
        table = table.filter(pc.field("purpose") != "gold").select(votes.names)
        return table.replace_schema_metadata(features(votes))

    for path in sorted(folder.glob("data/*/*.parquet")):
        rewrite(folder, path.relative_to(folder).as_posix(), older)
    for path in sorted(folder.glob("annotations/*/*.parquet")):
        rewrite(folder, path.relative_to(folder).as_posix(), older_votes)
    record = json.loads((folder / "release.json").read_text())
    record.update(schema_version=version, texts="of an older version")
    for name in ("rounds", *(NOT_IN_VERSION_2 if version == 2 else ())):
        del record[name]
    for split in record["counts"]["by_split"].values():
        del split["gold"]
    (folder / "release.json").write_text(json.dumps(record))
    for path in ("LICENSE", "CITATION.cff") if version == 2 else ():
        (folder / path).unlink()
    change_text(folder, "README.md", "num_examples: 52", "num_examples: 48")
    manifest = Manifest.model_validate(record)
    shards = {p: sha for p, sha in checksums_of(folder).items() if p.endswith(".parquet")}
    (folder / "croissant.json").write_text(render_croissant(manifest, shards))
    reseal(folder)


@pytest.mark.parametrize("version", [2, 3])
def test_a_release_of_an_older_version_opens_verifies_and_compares(released, tmp_path, version):
    folder = tmp_path / "old"
    as_version(version, released, folder)
    names = pq.read_schema(next(folder.glob("data/*/*.parquet"))).names
    assert ("own_labels" in names, "n_votes" in names) == (version > 2, False)
    assert verify(folder).findings == ()
    opened = alignbench.open_release(folder)
    assert {(s.n_votes is None, s.in_control) for s in opened.sentences()} == {(False, None)}
    assert len(opened.votes()) == 48
    sentences = ReleaseReader(open_release(str(folder))).sentences()
    assert len(sentences) == len(ReleaseReader(open_release(str(released))).sentences())
    gold = diff_releases(str(folder), str(released)).counts
    assert {kind for kind, _ in gold} == {Kind.VOTES}  # which older versions did not release
