"""What every importer keeps to, built in or of a plug-in."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from alignbench.flows.imports import import_set
from alignbench.release.errors import ImportFileError
from alignbench.release.verify.verify import verify
from alignbench.schemas.registry import Group, names
from alignbench.schemas.vocabulary import RowFlag
from tests.release.importers.specimens import SPECIMENS, written

KINDS = names(Group.IMPORTERS)


def rows_of(release: Path) -> list[dict[str, Any]]:
    paths = sorted(release.glob("data/*/*.parquet"))
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def imported(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(kind)
    import_set(kind, written(folder, kind), str(folder / kind / "1.0.0"))
    return folder / kind / "1.0.0"


def test_every_importer_is_tried_on_a_file() -> None:
    assert set(KINDS) == SPECIMENS.keys()


def test_an_imported_release_verifies_and_has_every_sentence(kind: str, imported: Path) -> None:
    report = verify(imported)
    assert report.findings == ()
    verdicts = [row["annotation"] for row in rows_of(imported)]
    specimen = SPECIMENS[kind]
    found = [verdicts.count(name) for name in ("correct", "incorrect", "unknown")]
    assert found == [specimen.correct, specimen.incorrect, specimen.unknown]


def test_every_row_has_its_origin_its_own_labels_and_proved_places(imported: Path) -> None:
    for row in rows_of(imported):
        assert row["origin"]
        assert isinstance(json.loads(row["own_labels"]), dict)
        assert row["full_caption"][row["sentence_start"] : row["sentence_end"]] == row["caption"]
        for span in row["error_spans"]:
            assert row["caption"][span["start"] : span["end"]] == span["text"]
            assert span["votes"] is None


def test_an_image_without_bytes_is_flagged(imported: Path) -> None:
    for row in rows_of(imported):
        assert row["image"] is None
        assert RowFlag.IMAGE_ID_FROM_LOCATOR in row["flags"]


def test_the_same_file_gives_the_same_bytes_and_is_written_once(
    kind: str, imported: Path, tmp_path: Path
) -> None:
    files = written(tmp_path, kind)
    again = import_set(kind, files, str(tmp_path / kind / "1.0.0"))
    sums = (imported / "SHA256SUMS").read_text()
    assert (Path(again.address) / "SHA256SUMS").read_text() == sums
    assert again.built
    assert not import_set(kind, files, str(tmp_path / kind / "1.0.0")).built


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', "\x00\xff"], ids=range(4))
def test_a_file_of_another_kind_is_an_error_that_names_it(
    kind: str, tmp_path: Path, text: str
) -> None:
    path = tmp_path / SPECIMENS[kind].name
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ImportFileError, match=re.escape(path.name)):
        import_set(kind, [path], str(tmp_path / "release"))
    assert not (tmp_path / "release").exists()
