"""caption and imagine over plug-ins, and captions that came with their images."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from alignbench.engine.errors import BackendContractError, BackendFailedError
from alignbench.engine.report import StageReport
from alignbench.flows.caption import caption
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.prompts import prompts
from alignbench.flows.status import failure_rows
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.rows.generation import Generator, Pair
from alignbench.schemas.tables import FAILURES, GENERATORS, IMAGES, PAIRS, PROMPTS
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.letter_captioner import registered

FOLDER = '[[sources]]\nname = "photos"\nkind = "folder"\npath = "photos"\n'
LETTERS = '[[captioners]]\nname = "letters"\nbackend = "letters"\n'


@pytest.fixture(autouse=True)
def _letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with registered(monkeypatch):
        yield


def photos(root: Path, config: str, count: int = 6) -> Workspace:
    """Makes a workspace of small images and ingests them."""
    (root / "photos").mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (16, 16), (number, 20, 30)).save(root / "photos" / f"{number:03}.png")
    (root / "alignbench.toml").write_text(f"{config}\n[run]\nmax_failure_share = 1\n")
    ingest.fn(workspace=str(root))
    return open_workspace(root)


def run(flow: object, workspace: Workspace) -> StageReport:
    report: StageReport = flow.fn(workspace=workspace.url)  # type: ignore[attr-defined]
    return report


def pairs(workspace: Workspace) -> list[Pair]:
    return list(workspace.table(PAIRS).rows())


def test_each_image_gets_a_caption_of_its_own(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS)
    assert run(caption, workspace).made == 6
    for pair in pairs(workspace):
        assert pair.text == f"An image {pair.image_id[:8]}."
    assert run(caption, workspace).items == 0


def test_samples_are_pairs_of_their_own_with_seeds_of_their_own(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS + "samples = 3\n")
    assert run(caption, workspace).made == 18
    assert len({pair.seed for pair in pairs(workspace)}) == 18


def test_a_revision_that_is_not_pinned_is_resolved_once_and_kept(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS)
    run(caption, workspace)
    run(caption, workspace)
    [row] = list[Generator](workspace.table(GENERATORS).rows())
    assert (row.revision, row.requested_revision) == ("resolved", None)


def test_a_backend_that_answers_too_few_stops_the_run_and_nothing_of_it_is_kept(
    tmp_path: Path,
) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS + 'repo = "forgets one"\n')
    with pytest.raises(BackendContractError, match="3 answers for 4 items"):
        run(caption, workspace)
    assert not pairs(workspace)
    assert not workspace.table(FAILURES).count()


def test_a_model_that_cannot_be_loaded_stops_the_run_and_marks_nothing_as_failed(
    tmp_path: Path,
) -> None:
    second = '[[captioners]]\nname = "second"\nbackend = "letters"\nrepo = "broken"\n'
    workspace = photos(tmp_path / "w", FOLDER + LETTERS + second)
    with pytest.raises(BackendFailedError, match="no such weights"):
        run(caption, workspace)
    assert len(pairs(workspace)) == 6, "what the first made is kept"
    assert not workspace.table(FAILURES).count()


def test_an_image_whose_blob_is_gone_fails_alone(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS)
    lost = next(iter(workspace.table(IMAGES).rows()))
    workspace.store.delete(lost.blob)
    report = run(caption, workspace)
    assert (report.made, report.failed) == (5, 1)


def test_one_model_under_a_second_name_is_refused(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS + 'repo = "same"\n')
    run(caption, workspace)
    renamed = LETTERS.replace('name = "letters"', 'name = "other"') + 'repo = "same"\n'
    Path(workspace.url, "alignbench.toml").write_text(FOLDER + renamed)
    with pytest.raises(ConfigError, match="knows as 'letters'"):
        run(caption, workspace)


def test_images_are_made_from_prompts_and_a_refusal_is_a_row(tmp_path: Path) -> None:
    painter = '[[image_generators]]\nname = "painter"\nbackend = "letters"\n'
    source = '[[prompts]]\nname = "scenes"\nkind = "file"\npath = "prompts.txt"\n'
    workspace = photos(tmp_path / "w", painter + source + FOLDER, count=0)
    Path(workspace.url, "prompts.txt").write_text("A red cat.\nA forbidden thing.\nA dog.\n")
    assert run(prompts, workspace).made == 3
    report = run(imagine, workspace)
    assert (report.made, report.failed) == (2, 1)
    images = {image.image_id: image for image in workspace.table(IMAGES).rows()}
    for pair in pairs(workspace):
        assert images[pair.image_id].image_type == "synthetic"
        assert pair.prompt_id is not None
        assert pair.text in ("A red cat.", "A dog.")


def test_blank_prompts_are_empty_and_the_prompts_after_them_are_read(tmp_path: Path) -> None:
    source = '[[prompts]]\nname = "scenes"\nkind = "letters"\n'
    workspace = photos(tmp_path / "w", source + FOLDER, count=0)
    report = run(prompts, workspace)
    assert (report.made, report.empty, report.failed) == (1, 1, 0)
    assert [row.text for row in workspace.table(PROMPTS).rows()] == ["A red cat."]


CAPTIONS = """
[[sources]]
name = "set"
kind = "captions"
path = "captions.jsonl"
images = "images"
[[captioners]]
name = "model"
backend = "precomputed"
[run]
commit_rows = {commit_rows}
"""


def captioned(root: Path, commit_rows: int) -> Workspace:
    """Makes a workspace of two images with several captions by one model."""
    (root / "images").mkdir(parents=True)
    lines = []
    for name, colour in (("a.png", 10), ("b.png", 200)):
        Image.new("RGB", (16, 16), (colour, 0, 0)).save(root / "images" / name)
        for number in range(7):
            entry = {"file_name": name, "model": "model", "caption": f"Caption {number} of {name}."}
            lines += [json.dumps(entry)] * 2
    (root / "captions.jsonl").write_text("\n".join(lines) + "\n")
    (root / "alignbench.toml").write_text(CAPTIONS.format(commit_rows=commit_rows))
    ingest.fn(workspace=str(root))
    return open_workspace(root)


def taken(workspace: Workspace) -> set[tuple[str, int, str]]:
    return {(pair.pair_id, pair.sample_index, pair.text) for pair in pairs(workspace)}


def test_several_captions_of_an_image_are_samples_whatever_the_commits(tmp_path: Path) -> None:
    whole = captioned(tmp_path / "whole", 1000)
    assert run(caption, whole).made == 14
    single = captioned(tmp_path / "single", 1)
    run(caption, single)
    in_steps = captioned(tmp_path / "steps", 1000)
    while caption.fn(workspace=in_steps.url, limit=3).items:
        pass
    assert taken(whole) == taken(single) == taken(in_steps)
    assert {sample for _, sample, _ in taken(whole)} == set(range(7))


def test_a_caption_that_comes_later_gets_the_next_sample(tmp_path: Path) -> None:
    workspace = captioned(tmp_path / "w", 1000)
    run(caption, workspace)
    before = taken(workspace)
    entry = {"file_name": "a.png", "model": "model", "caption": "A later one."}
    with Path(workspace.url, "captions.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    assert run(ingest, workspace).made == 1
    assert run(caption, workspace).made == 1
    [fresh] = taken(workspace) - before
    assert fresh[1:] == (7, "A later one.")


def test_a_failed_image_is_told_by_its_name(tmp_path: Path) -> None:
    workspace = photos(tmp_path / "w", FOLDER + LETTERS)
    Path(workspace.url, "photos", "torn.png").write_bytes(b"\x89PNG not really")
    run(ingest, workspace)
    [row] = failure_rows(workspace.url)
    assert "torn.png" in row.message
