"""An evaluation from the release's files to the report: resumable, and honest about failures."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from alignbench.engine.errors import BackendContractError
from alignbench.evaluation.chosen_detectors.entries import (
    DetectorEntry,
    PreparedDetector,
    parse_detector,
)
from alignbench.evaluation.chosen_detectors.images_needed import note_on_images
from alignbench.evaluation.errors import ImagesNeededError, NothingToScoreError, ScoreFileError
from alignbench.evaluation.evaluate import Evaluation, Settings
from alignbench.evaluation.scores.requests import BATCH
from alignbench.flows.evaluate import evaluate
from alignbench.release_format.errors import NotAReleaseError
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.errors import UnknownNameError, UsageError
from alignbench.schemas.vocabulary import ScoreStatus
from tests.evaluation import faulty
from tests.evaluation.faulty import installed
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences

SENTENCES = made_sentences(600, 90)
QUICK = Settings(figures=False)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("made") / "1.0.0", SENTENCES, {"hasty": "quick"})


@pytest.fixture(autouse=True)
def _detectors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    faulty.Counting.asked, faulty.Counting.die_after = [], None
    with installed(
        monkeypatch,
        some_fail=faulty.SomeFail,
        some_raise=faulty.SomeRaise,
        some_nan=faulty.SomeNan,
        all_fail=faulty.AllFail,
        too_few=faulty.TooFew,
        counting=faulty.Counting,
    ):
        yield


def run(release: Path, out: Path, *names: str, settings: Settings = QUICK) -> Evaluation:
    return evaluate(str(release), [parse_detector(name) for name in names], out, settings)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("some_fail", ScoreStatus.FAILED, "MY-01: It is too odd."),
        ("some_raise", ScoreStatus.FAILED, "AB-F03: ZeroDivisionError: a bug"),
        ("some_nan", ScoreStatus.INVALID, "AB-E21: The detector gave nan."),
    ],
)
def test_what_a_detector_fails_on_is_reported_and_not_counted(
    release: Path, tmp_path: Path, name: str, status: ScoreStatus, reason: str
) -> None:
    done = run(release, tmp_path, name, "sentence_length")
    scored, whole = done.detectors
    lost = [k for k in range(600) if k % 10 == 3]
    assert scored.status.count(status) == len(lost) == 60
    assert scored.there.sum() == 540
    assert set(scored.reasons) == {reason}
    assert whole.there.all()
    assert any(reason in note for note in done.analyses[0].notes)
    assert reason.replace("'", "&#39;") in done.report.read_text()


def test_a_detector_that_fails_on_everything_is_given_up_and_the_others_go_on(
    release: Path, tmp_path: Path
) -> None:
    done = run(release, tmp_path, "all_fail", "constant", "sentence_length")
    assert "AB-F02" in done.gave_up["all_fail"]
    assert "The model is broken" in done.gave_up["all_fail"]
    assert done.detectors[0].status.count("") == 580, "It was not asked about the rest."
    told = {row["detector"] for row in done.analyses[1].table.to_pylist() if row["auroc"]}
    assert told <= {"sentence_length"}


def test_a_detector_that_forgets_a_sentence_stops_the_run(release: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendContractError):
        run(release, tmp_path, "too_few")


def test_a_killed_run_goes_on_and_asks_nothing_twice(release: Path, tmp_path: Path) -> None:
    faulty.Counting.die_after = BATCH
    with pytest.raises(KeyboardInterrupt):
        run(release, tmp_path, "counting")
    before = len(faulty.Counting.asked)
    assert 0 < before < 600
    faulty.Counting.die_after = None
    done = run(release, tmp_path, "counting")
    assert done.detectors[0].there.all()
    assert sorted(faulty.Counting.asked) == sorted(SENTENCES.table["sentence_id"].to_pylist())
    run(release, tmp_path, "counting")
    assert len(faulty.Counting.asked) == 600


def test_failed_sentences_are_tried_again_when_asked_to(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(release, tmp_path, "some_fail")
    monkeypatch.setattr(faulty, "odd", lambda _: False)
    assert run(release, tmp_path, "some_fail").detectors[0].there.sum() == 540
    again = QUICK._replace(retry=True)
    assert run(release, tmp_path, "some_fail", settings=again).detectors[0].there.all()


def test_unknown_sentences_are_left_out_and_families_come_from_the_release(
    tmp_path: Path,
) -> None:
    verdicts = SENTENCES.table["annotation"].to_pylist()
    verdicts[:100] = ["unknown"] * 100
    from alignbench.evaluation.scores.scored import Sentences

    changed = Sentences.of(SENTENCES.table.set_column(4, "annotation", [verdicts]))
    folder = write_release(tmp_path / "1.0.0", changed, {"hasty": "quick"})
    found = ReleaseReader(open_release(str(folder)))
    assert len(found.sentences()) == 500
    assert (found.name, found.families) == ("made/1.0.0", {"hasty": "quick"})


def test_a_release_with_nothing_known_and_a_place_without_one_are_refused(tmp_path: Path) -> None:
    from alignbench.evaluation.scores.scored import Sentences

    unknown = Sentences.of(
        SENTENCES.table.set_column(4, "annotation", [["unknown"] * len(SENTENCES)])
    )
    folder = write_release(tmp_path / "1.0.0", unknown)
    with pytest.raises(NothingToScoreError):
        run(folder, tmp_path / "out", "constant")
    with pytest.raises(NotAReleaseError):
        run(tmp_path, tmp_path / "out", "constant")


def test_every_image_is_read_once_and_is_that_of_its_sentences(release: Path) -> None:
    found = ReleaseReader(open_release(str(release)))
    table = found.sentences()
    images = list(found.images(table))
    assert (
        len(images)
        == len({image.image_id for image in images})
        == len(set(table["image_id"].to_pylist()))
    )
    assert all(image.data and image.data.startswith(b"\x89PNG") for image in images)


def test_scores_of_a_file_are_evaluated_and_a_changed_file_is_another_detector(
    release: Path, tmp_path: Path
) -> None:
    ids = SENTENCES.table["sentence_id"].to_pylist()
    path = tmp_path / "mine.csv"
    lines = [f"{name},{k % 7}" for k, name in enumerate(ids[50:])]
    path.write_text("sentence_id,score\n" + "\n".join(lines))
    done = run(release, tmp_path / "out", f"scores:path={path},name=mine")
    assert done.detectors[0].there.sum() == 550
    assert not done.gave_up
    path.write_text("sentence_id,score\n" + "\n".join(lines[1:]))
    assert run(release, tmp_path / "out", f"scores:path={path}").detectors[0].there.sum() == 549
    path.write_text("sentence_id,score\n" + "\n".join([*lines, lines[0]]))
    with pytest.raises(ScoreFileError, match="two scores"):
        run(release, tmp_path / "out", f"scores:path={path}")
    path.write_text("id,score\na,1")
    with pytest.raises(ScoreFileError, match="sentence_id"):
        run(release, tmp_path / "out", f"scores:path={path}")


def test_scores_are_read_from_any_kind_of_file_and_others_are_refused_by_name(
    release: Path, tmp_path: Path
) -> None:
    rows = [{"sentence_id": f"{k}", "score": k / 7} for k in range(5)]
    known = SENTENCES.table["sentence_id"].to_pylist()
    rows = [{**row, "sentence_id": known[k]} for k, row in enumerate(rows)]
    lines = [f"{row['sentence_id']}\t{row['score']}" for row in rows]
    texts = {
        "mine.tsv": "\n".join(["sentence_id\tscore", *lines]),
        "mine.json": json.dumps(rows),
        "mine.jsonl": "\n".join(map(json.dumps, rows)),
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text)
        done = run(release, tmp_path / "out", f"scores:path={path},name={path.suffix[1:]}")
        assert done.detectors[0].there.sum() == 5
    for name, text in (("mine.txt", "sentence_id,score"), ("one.json", '{"sentence_id": 1}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(ScoreFileError, match="cannot be read as scores"):
            run(release, tmp_path / "out", f"scores:path={tmp_path / name}")


def test_scores_of_sentences_that_are_not_in_the_release_are_counted(
    release: Path, tmp_path: Path
) -> None:
    ids = SENTENCES.table["sentence_id"].to_pylist()
    path = tmp_path / "mine.csv"
    path.write_text("sentence_id,score\n" + "\n".join([f"{ids[0]},1", f"{ids[1]},2", "no,3"]))
    done = run(release, tmp_path / "out", f"scores:path={path}")
    assert "1 of the 3 sentences" in done.report.read_text()
    path.write_text("sentence_id,score\nno,1\nneither,2")
    with pytest.raises(ScoreFileError, match="none of the 2 sentences"):
        run(release, tmp_path / "out", f"scores:path={path}")


def test_results_are_there_as_csv_latex_and_parquet_with_a_record(
    release: Path, tmp_path: Path
) -> None:
    done = run(release, tmp_path, "sentence_length")
    for analysis in done.analyses:
        for ending in ("csv", "tex", "parquet"):
            assert (tmp_path / "results" / f"{analysis.name}.{ending}").stat().st_size > 0
        assert pq.read_table(tmp_path / "results" / f"{analysis.name}.parquet").equals(
            analysis.table
        )
    record = json.loads((tmp_path / "evaluation.json").read_text())
    assert record["release"] == "made/1.0.0"
    assert record["sentences"] == 600
    assert [detector["name"] for detector in record["detectors"]] == ["sentence_length"]


def test_a_detector_is_named_with_keys_of_its_own() -> None:
    entry = parse_detector("constant:value=0.25,name=quarter")
    assert entry == DetectorEntry(name="quarter", backend="constant", params={"value": 0.25})
    clip = parse_detector("clip:repo=/models/mine,forward_batch=8,score=logit")
    assert clip.params == {"score": "logit"}
    assert clip.options == {"forward_batch": 8}
    assert parse_detector("clip-vit-b-32").repo == "openai/clip-vit-base-patch32"
    with pytest.raises(UnknownNameError, match="'constant'"):
        parse_detector("constnat")
    with pytest.raises(UsageError, match="'value'"):
        parse_detector("constant:valeu=1")
    with pytest.raises(UsageError, match="Two detectors"):
        run(Path(), Path(), "constant", "constant")


def test_a_release_without_images_is_an_error_to_detectors_that_need_them(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "1.0.0", made_sentences(30, 6), kept_out=6)
    record = json.loads((folder / "release.json").read_text())
    record["counts"] = {"images": {"embedded": 0, "by_url": 2, "unavailable": 4}}
    (folder / "release.json").write_text(json.dumps(record))
    clip = f"clip:repo={tmp_path}"
    with pytest.raises(ImagesNeededError, match="embeds none of its 6") as raised:
        run(folder, tmp_path / "out", clip)
    assert raised.value.exit_code == 1
    assert "--images" in raised.value.fix
    done = run(folder, tmp_path / "out", clip, "sentence_length")
    assert "embeds none of its 6" in done.gave_up["clip"]
    record["counts"]["images"]["embedded"] = 3
    (folder / "release.json").write_text(json.dumps(record))
    [note] = note_on_images(
        ReleaseReader(open_release(str(folder))), [PreparedDetector(parse_detector(clip))]
    )
    assert note.startswith("6 of 9 images are not in the release: clip")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(4, 4), (4, 2)])
def test_figures_of_few_sentences_warn_of_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    folder = write_release(tmp_path / "1.0.0", made_sentences(*size))
    run(folder, tmp_path / "out", "sentence_length", "constant", settings=Settings(sentences=False))
