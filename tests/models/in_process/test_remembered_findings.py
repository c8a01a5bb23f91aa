"""A model is tried at its first start on a machine, and again whenever anything is different."""

from pathlib import Path

import pytest

from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.probes import asking, batches
from alignbench.models.in_process.probes.batches import batches_agree
from alignbench.models.in_process.probes.likelihood import LikelihoodFinding, probe_likelihood
from alignbench.models.in_process.probes.sharing import SharingFinding, probe_sharing
from alignbench.models.in_process.remembered_findings import FOLDER, RememberedFindings
from alignbench.models.in_process.vision_language import VisionLanguageModel
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import Weights, find_weights, resolve_revision
from tests.fixtures.tiny_models import save_captioner

OPTIONS = InProcessOptions(device="cpu")


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_captioner("llava", tmp_path_factory.mktemp("llava"))


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What models were asked to find whether they see, and whether batches agree."""
    made: list[str] = []
    for module, name in ((asking, "next_scores"), (batches, "_first_scores")):
        plain = getattr(module, name)

        def counted(*args: object, _plain: object = plain, _name: str = name) -> object:
            made.append(_name)
            return _plain(*args)  # type: ignore[operator]

        monkeypatch.setattr(module, name, counted)
    return made


def started(
    folder: Path, options: InProcessOptions = OPTIONS, *, tries_again: bool = False
) -> VisionLanguageModel:
    weights = find_weights(str(folder), resolve_revision(str(folder)))
    model = load_vision_language(
        weights, options, choose_placement(options), tries_again=tries_again
    )
    assert batches_agree(model)
    return model


def test_the_second_start_tries_nothing(llava: Path, trials: list[str]) -> None:
    first = started(llava)
    assert trials == ["next_scores"] * 2 + ["_first_scores"] * 3
    second = started(llava)
    assert len(trials) == 5
    assert first.asking is second.asking


def test_a_check_tries_it_in_any_case(llava: Path, trials: list[str]) -> None:
    started(llava)
    started(llava, tries_again=True)
    assert len(trials) == 10


def test_another_way_of_running_it_is_tried(llava: Path, trials: list[str]) -> None:
    started(llava)
    started(llava, InProcessOptions(device="cpu", attention="eager"))
    assert len(trials) == 10


def test_changed_files_are_tried(tmp_path: Path, trials: list[str]) -> None:
    folder = save_captioner("llava", tmp_path)
    started(folder)
    (folder / "README.md").write_text("Changed.")
    started(folder)
    assert len(trials) == 10


def test_a_broken_file_counts_as_none(llava: Path, trials: list[str], kept: Path) -> None:
    started(llava)
    for number, file in enumerate(sorted(kept.iterdir())):
        file.write_bytes((b"", b"\xff{", b'{"is": "hostile"}')[number % 3])
    started(llava)
    assert len(trials) == 10


def test_where_nothing_can_be_written_nothing_is_remembered(
    llava: Path, trials: list[str], kept: Path
) -> None:
    kept.write_text("A file where the folder should be.")
    started(llava)
    started(llava)
    assert len(trials) == 10


def test_findings_come_back_as_they_were(llava: Path, kept: Path) -> None:
    model = started(llava)
    found = probe_likelihood(model, "Describe it."), probe_sharing(model)
    assert isinstance(found[0], LikelihoodFinding)
    assert isinstance(found[1], SharingFinding)
    assert (probe_likelihood(model, "Describe it."), probe_sharing(model)) == found
    assert {file.name.split("-")[0] for file in kept.iterdir()} >= {"asking", "batches", "sharing"}


def test_only_what_was_found_good_is_kept() -> None:
    findings = RememberedFindings("model")
    answers = iter([False, True, False])
    told = [findings.found("batches", bool, lambda: next(answers), is_good=bool) for _ in range(3)]
    assert told == [False, True, True]


@pytest.mark.parametrize(
    ("revision", "is_kept"), [("main", False), (None, False), ("0" * 40, True)]
)
def test_only_of_a_commit_of_a_hub_anything_is_kept(revision: str | None, is_kept: bool) -> None:
    weights = find_weights("someone/model", revision)
    assert weights == Weights("someone/model", revision, revision if is_kept else None)
    findings = RememberedFindings.of(weights, OPTIONS, choose_placement(OPTIONS))
    assert (findings.model is not None) is is_kept
