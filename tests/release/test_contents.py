"""What else is in a release: images as their licence allows, figures, Croissant, adjudications."""

import re
from pathlib import Path

import mlcroissant
import pytest
from PIL import Image

from alignbench.release.build import build_release
from alignbench.release.counting.figures import drawn_from
from alignbench.release.errors import ReleaseExistsError
from alignbench.release.labels.compute import compute_labels
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksums_of
from alignbench.schemas.errors import MissingExtraError
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.vocabulary import ImageMode, LabelMethod, Purpose, Verdict
from alignbench.workspace.stores.local import LocalStore
from tests.release.benchmark import CONFIG, append, make_workspace, released_folder, span, vote
from tests.release.test_build import build, table_of


def rows_with(workspace, rows, **changes):
    config = CONFIG.model_copy(update=changes)
    folder = build(workspace, rows, config)
    assert verify(folder).ok
    return table_of(folder)


def test_images_can_be_given_by_url_only(workspace, rows):
    found = rows_with(workspace, rows, images=ImageMode.URL)
    real = [row for row in found if row["image_type"] == "real"]
    assert all(row["image"] is None and row["image_url"] for row in real)


def test_images_can_be_embedded_only_but_never_against_their_licence(workspace, rows):
    found = rows_with(workspace, rows, images=ImageMode.EMBEDDED)
    forbidden = [row for row in found if row["redistributable"] is False]
    assert forbidden
    assert all(row["image"] is None and row["image_url"] for row in forbidden)
    others = [row for row in found if row["redistributable"] is not False]
    assert all(row["image"] and row["image_url"] is None for row in others)


def test_sources_may_differ_in_how_their_images_are_given(workspace, rows):
    by_source = {"photos": ImageMode.URL}
    found = rows_with(workspace, rows, images_by_source=by_source)
    for row in found:
        assert (row["image"] is None) == (row["image_source"] == "photos")


def test_the_licences_of_the_sources_are_on_the_card_and_in_a_table(released: Path):
    table = (released / "statistics/images_by_source.csv").read_text().splitlines()
    assert table == [
        "source,license,redistributable,images,embedded,with_url",
        "painter,,,2,2,0",
        "photos,CC-BY-4.0,false,1,0,1",
        "photos,CC-BY-4.0,true,3,3,3",
    ]
    card = (released / "README.md").read_text()
    assert "| photos | CC-BY-4.0 | no | 1 | 0 | 1 |" in card
    assert "| painter | not stated | not stated | 2 | 2 | 0 |" in card


def test_every_figure_is_there_twice_and_says_what_it_was_drawn_from(released: Path):
    figures = sorted((released / "statistics/figures").iterdir())
    assert {path.suffix for path in figures} == {".svg", ".png"}
    assert {path.stem for path in figures} == {
        "sentences_by_model", "error_rate_by_position", "types_by_model", "agreement_by_model",
    }  # fmt: skip
    tables = {sha256_hex(path.read_bytes()) for path in (released / "statistics").glob("*.csv")}
    for path in figures:
        assert drawn_from(path.read_bytes()) in tables
        if path.suffix == ".svg":
            assert "careful" in path.read_text()
            assert not re.search(r"20\d\d-\d\d-\d\d", path.read_text())
        else:
            with Image.open(path) as image:
                assert image.width > 500


def test_figures_are_the_same_bytes_each_time(tmp_path):
    config = CONFIG.model_copy(update={"figures": True})
    found = []
    for name in ("one", "two"):
        workspace, rows = make_workspace(LocalStore(tmp_path / name))
        found.append(checksums_of(build(workspace, rows, config)))
    assert found[0] == found[1]


def test_without_matplotlib_the_error_says_how_to_go_on(workspace, rows, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    compute_labels(workspace, rows.selection, "run-1")
    with pytest.raises(MissingExtraError, match="figures = false"):
        build_release(workspace, rows.selection, CONFIG.model_copy(update={"figures": True}))


def test_mlcroissant_accepts_the_metadata_and_reads_the_rows(released: Path):
    dataset = mlcroissant.Dataset(jsonld=released / "croissant.json")
    assert dataset.metadata.ctx.issues.errors == set()
    found = list(dataset.records("data"))
    assert len(found) == 20
    expected = {row["sentence_id"]: row for row in table_of(released)}
    for row in found:
        wanted = expected[row["data/sentence_id"].decode()]
        assert row["data/caption"].decode() == wanted["caption"]
        assert row["data/split"].decode() == "test"
    assert len(list(dataset.records("annotations"))) == 48 + 4  # 4 answers to gold


def test_adjudications_are_released_beside_the_votes(workspace, rows):
    sentence = rows.sentences[0]
    answer = vote(
        sentence, "judge@example.org", Verdict.INCORRECT, [span(sentence, 4, 6, "text")],
        purpose=Purpose.ADJUDICATE,
    )  # fmt: skip
    append(workspace, [answer])
    folder = build(workspace, rows)
    report = verify(folder)
    assert report.ok
    (row,) = (r for r in table_of(folder) if r["sentence_id"] == sentence.sentence_id)
    assert (row["adjudicated"], row["annotation"], row["error_type"]) == (True, "incorrect", "text")
    votes = table_of(folder, "annotations/*/*.parquet")
    final = [r for r in votes if r["purpose"] == "adjudicate"]
    assert [(r["sentence_id"], r["verdict"]) for r in final] == [
        (sentence.sentence_id, "incorrect")
    ]
    assert re.fullmatch(r"A\d{3}", final[0]["annotator"])


def test_labels_by_dawid_skene_can_be_released(workspace, rows):
    compute_labels(workspace, rows.selection, "run-1", method=LabelMethod.DAWID_SKENE)
    build_release(workspace, rows.selection, CONFIG)
    folder = released_folder(workspace)
    assert verify(folder).ok
    assert {row["label_method"] for row in table_of(folder)} == {"dawid-skene"}
    compute_labels(workspace, rows.selection, "run-2")
    with pytest.raises(ReleaseExistsError):
        build_release(workspace, rows.selection, CONFIG)
