"""A release is the labelled sentences, once and for all: same input, same bytes, all or nothing."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from alignbench.release.build import build_release
from alignbench.release.errors import (
    BrokenReferenceError,
    NoLabelsError,
    ReleaseExistsError,
    StaleLabelsError,
    UnusableNameError,
)
from alignbench.release.labels.compute import compute_labels
from alignbench.release.publishing.stage import staging_folder
from alignbench.release.verify.verify import verify
from alignbench.release_format.checksums import checksums_of
from alignbench.release_format.layout import CHECKSUMS
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.tables import PAIRS
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import (
    CONFIG,
    Rows,
    append,
    make_rows,
    make_workspace,
    released_folder,
    vote,
)
from tests.release.stores import DyingStore, KilledError


def build(workspace: Workspace, rows: Rows, config=CONFIG, resolved=None) -> Path:
    compute_labels(workspace, rows.selection, "run-1")
    build_release(workspace, rows.selection, config, resolved)
    return released_folder(workspace, config)


def table_of(folder: Path, pattern: str = "data/*/*.parquet"):
    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def test_every_labelled_sentence_is_released_once_and_the_rest_is_counted(workspace, rows):
    folder = build(workspace, rows)
    found = [row["sentence_id"] for row in table_of(folder)]
    answered = {row.sentence_id for row in rows.annotations}
    assert sorted(found) == sorted(answered)
    counts = json.loads((folder / "release.json").read_text())["counts"]
    assert counts["left_out"] == {
        "unanswered": len(rows.sentences) - len(answered),
        "below_minimum_votes": 0,
        "between_splits": 0,
    }


def test_sentences_below_the_minimum_of_votes_are_left_out_and_counted(workspace, rows):
    compute_labels(workspace, rows.selection, "run", minimum_votes=3)
    build_release(workspace, rows.selection, CONFIG)
    folder = released_folder(workspace)
    assert all(
        row["n_correct"] + row["n_incorrect"] + row["n_unknown"] >= 3 for row in table_of(folder)
    )
    counts = json.loads((folder / "release.json").read_text())["counts"]
    assert counts["left_out"]["below_minimum_votes"] == 8
    assert verify(folder).ok


def test_the_release_says_what_it_was_made_from(workspace, rows):
    folder = build(workspace, rows, resolved={"name": "mine", "captioners": []})
    manifest = json.loads((folder / "release.json").read_text())
    assert manifest["config"] == {"name": "mine", "captioners": []}
    assert manifest["selection"]["generator_ids"] == list(rows.selection.generator_ids)
    assert manifest["label_set"]["method"] == "majority"
    assert manifest["label_set"]["options"] == {"minimum_votes": 1}
    row = table_of(folder)[0]
    assert row["splitter"] == "en_core_web_sm 3.8.0, rules 1"
    assert json.loads(row["generator_params"]) == {"temperature": 0.5}
    assert (row["instruction"], row["generator_revision"]) == ("Describe it.", "r1")


def test_votes_are_released_under_pseudonyms_without_notes(workspace, rows):
    folder = build(workspace, rows)
    votes = table_of(folder, "annotations/*/*.parquet")
    voters = {row["annotator"] for row in votes if row["purpose"] == "label"}
    assert voters == {"A001", "A002", "A003"}
    assert {row["annotator"] for row in votes if row["purpose"] == "gold"} == {"A004"}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"@example.org" not in data
            assert b"private note" not in data
    assert json.loads(workspace.store.read("private/pseudonyms.json"))[0] == "ann@example.org"


def test_pseudonyms_stay_the_same_from_release_to_release(workspace, rows):
    first = table_of(build(workspace, rows), "annotations/*/*.parquet")
    early = [vote(rows.sentences[5], "abe@example.org", Verdict.CORRECT, minutes=-60)]
    append(workspace, early)
    config = CONFIG.model_copy(update={"version": "1.1.0"})
    second = table_of(build(workspace, rows, config), "annotations/*/*.parquet")
    assert [row for row in second if row["annotator"] != "A005"] == first
    assert [row["sentence_id"] for row in second if row["annotator"] == "A005"] == [
        rows.sentences[5].sentence_id
    ]


def test_the_same_input_gives_the_same_bytes_whatever_order_it_came_in(tmp_path):
    found = []
    for seed in (None, None, 1, 2):
        folder = tmp_path / str(len(found))
        workspace, rows = make_workspace(LocalStore(folder), seed=seed)
        found.append(checksums_of(build(workspace, rows)))
    assert found[0] == found[1] == found[2] == found[3]


def test_releasing_again_is_nothing_to_do(workspace, rows):
    folder = build(workspace, rows)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not build_release(workspace, rows.selection, CONFIG).built
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_release_is_never_overwritten(workspace, rows):
    folder = build(workspace, rows)
    before = checksums_of(folder)
    append(workspace, [vote(rows.sentences[0], "new@example.org", Verdict.INCORRECT)])
    compute_labels(workspace, rows.selection, "run-2")
    with pytest.raises(ReleaseExistsError, match="choose another"):
        build_release(workspace, rows.selection, CONFIG)
    assert checksums_of(folder) == before


def dies_at(writes: int, labelled: Path, rows: Rows, expected: dict[str, str], root: Path) -> bool:
    """Whether a build of a copy dies there: then nothing is there, and the next build makes all."""
    shutil.copytree(labelled, root)
    folder = released_folder(Workspace(LocalStore(root)))
    try:
        build_release(Workspace(DyingStore(root, writes)), rows.selection, CONFIG)
    except KilledError:
        assert not (folder / CHECKSUMS).exists()
        assert not folder.exists() or not verify(folder).ok
    else:
        assert checksums_of(folder) == expected
        return False
    build_release(Workspace(LocalStore(root)), rows.selection, CONFIG)
    assert checksums_of(folder) == expected
    return True


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    workspace, rows = make_workspace(LocalStore(tmp_path / "labelled"))
    compute_labels(workspace, rows.selection, "run-1")
    return tmp_path / "labelled"


def test_a_build_that_dies_at_a_write_leaves_nothing_or_everything(
    workspace, rows, labelled, tmp_path
):
    expected = checksums_of(build(workspace, rows))
    last = len(expected)  # each file, and the pseudonyms
    for writes in (0, last // 2, last):
        assert dies_at(writes, labelled, rows, expected, tmp_path / f"died-at-{writes}")
    assert not dies_at(last + 1, labelled, rows, expected, tmp_path / "not-died")


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_build_that_dies_at_any_write_leaves_nothing_or_everything(
    workspace, rows, labelled, tmp_path
):
    expected = checksums_of(build(workspace, rows))
    for writes in range(len(expected) + 1):
        assert dies_at(writes, labelled, rows, expected, tmp_path / f"died-at-{writes}")


def test_what_an_unfinished_build_left_goes_before_the_next(workspace, rows):
    folder = released_folder(workspace)
    stray = folder / "data" / "old" / "test-00000-of-00001.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half")
    build(workspace, rows)
    assert not stray.exists()
    assert verify(folder).ok


def test_what_a_killed_build_left_in_its_stage_goes_before_the_next():
    with staging_folder("somewhere") as first:
        leftover = Path(tempfile.gettempdir()) / f"{first.name}-killed"
        leftover.mkdir()
        (leftover / "shard").write_bytes(b"half")
    with staging_folder("somewhere else"):
        assert leftover.exists()
    with staging_folder("somewhere") as stage:
        assert not leftover.exists()
        assert list(stage.iterdir()) == []
    assert not stage.exists()


def test_without_labels_the_error_says_which_stage_is_missing(workspace, rows):
    with pytest.raises(NoLabelsError, match="alignbench label"):
        build_release(workspace, rows.selection, CONFIG)


def test_without_any_labelled_sentence_there_is_no_release(tmp_path):
    store = LocalStore(tmp_path)
    rows = make_rows(store)
    rows.annotations = []
    workspace = Workspace(store)
    rows.append(workspace)
    with pytest.raises(NoLabelsError, match="pull"):
        build(workspace, rows)


@pytest.mark.parametrize("change", ["answer", "selection", "withdrawal"])
def test_labels_of_other_answers_are_not_released(workspace, rows, change):
    compute_labels(workspace, rows.selection, "run-1")
    selection = rows.selection
    if change == "answer":
        append(workspace, [vote(rows.sentences[0], "new@example.org", Verdict.CORRECT)])
    elif change == "selection":
        selection = replace(selection, generator_ids=selection.generator_ids[:1])
    else:
        append(workspace, [Withdrawn(kind="annotator", id="bob@example.org", reason="", version=1)])
    with pytest.raises(StaleLabelsError, match="alignbench label"):
        build_release(workspace, selection, CONFIG)
    assert not released_folder(workspace).exists()


def test_a_release_holds_only_what_is_selected(workspace, rows):
    rows.generators = rows.generators[1:2]
    folder = build(workspace, rows)
    assert {row["model"] for row in table_of(folder)} == {"hasty"}
    assert [path.name for path in (folder / "data").iterdir()] == ["hasty"]
    assert verify(folder).ok


def test_a_sentence_without_its_pair_is_a_clear_error(workspace, rows):
    compute_labels(workspace, rows.selection, "run-1")
    for name in workspace.table(PAIRS).part_names():
        workspace.store.delete(f"tables/pairs/{name}")
    with pytest.raises(BrokenReferenceError, match="pair_id"):
        build_release(Workspace(workspace.store), rows.selection, CONFIG)


@pytest.mark.parametrize("name", ["all", "annotations", "a/b", "..", "x" * 65])
def test_a_model_whose_name_cannot_be_a_config_is_refused(tmp_path, name):
    store = LocalStore(tmp_path)
    rows = make_rows(store)
    rows.sentences = [replace(row, model=name) for row in rows.sentences]
    workspace = Workspace(store)
    rows.append(workspace)
    with pytest.raises(UnusableNameError):
        build(workspace, rows)


def test_a_split_that_datasets_cannot_load_is_refused(workspace, rows):
    with pytest.raises(UnusableNameError, match="split"):
        build(workspace, rows, CONFIG.model_copy(update={"splits": {"my-split": 1.0}}))


def test_a_damaged_blob_keeps_a_release_from_being_published(workspace, rows):
    blob = next(image.blob for image in rows.images if "png" in image.blob)
    for image in rows.images:
        workspace.store.write(image.blob, workspace.store.read(blob))
    compute_labels(workspace, rows.selection, "run-1")
    with pytest.raises(AlignBenchError, match="R19") as caught:
        build_release(workspace, rows.selection, CONFIG)
    assert caught.value.code == "AB-R04"
    assert not released_folder(workspace).exists()


def test_a_release_that_newer_answers_have_overtaken_is_not_called_unchanged(workspace, rows):
    compute_labels(workspace, rows.selection, "run-1")
    build_release(workspace, rows.selection, CONFIG)
    append(workspace, [vote(rows.sentences[0], "new@example.org", Verdict.CORRECT)])
    with pytest.raises(StaleLabelsError, match="alignbench label"):
        build_release(workspace, rows.selection, CONFIG)
