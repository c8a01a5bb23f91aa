"""Domains that a CLIP guesses: the nearest name, only where there is none, and told as a guess."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignbench.evaluation.chosen_detectors.entries import parse_detector
from alignbench.evaluation.detectors.clip import ClipDetector
from alignbench.evaluation.domains import FILE, DomainStep, with_domains
from alignbench.evaluation.errors import ModelShapeError
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.scores.scored import Sentences
from alignbench.flows.evaluate import evaluate
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences
from tests.fixtures.tiny_dual_encoders import save_clip

NAMES = ("music", "sport", "weather")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip") / "model")


def release_with(folder: Path, domains: Sequence[str | None]) -> Path:
    """A release whose images have these domains, over and over."""
    table = made_sentences(120, 40).table
    images = table["image_id"].to_pylist()
    given = pa.array([domains[int(image, 16) % len(domains)] for image in images], pa.string())
    place = table.column_names.index("domain")
    return write_release(folder / "1.0.0", Sentences.of(table.set_column(place, "domain", given)))


def test_only_images_without_a_domain_get_the_nearest_name(tmp_path: Path, clip: Path) -> None:
    folder = release_with(tmp_path, ["food", None])
    release = ReleaseReader(open_release(str(folder)))
    before = release.sentences()
    after, note = with_domains(release, before, DomainStep(f"clip:repo={clip}", NAMES), tmp_path)
    guesses = {row["image_id"]: row for row in pq.read_table(tmp_path / FILE).to_pylist()}
    assert f"The domain of {len(guesses):,} images was guessed" in note
    detector = ClipDetector(
        str(clip), None, None, ClipDetector.options_type(), ClipDetector.params_type()
    )
    for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True):
        if old["domain"] is not None:
            assert new["domain"] == old["domain"]
            assert new["image_id"] not in guesses
        else:
            assert new["domain"] == guesses[new["image_id"]]["domain"]
    for found in release.images(before):
        if found.image_id not in guesses:
            continue
        told = detector.score(
            [
                ScoringRequest("", f"a photo of {name}", found.image_id, found.data or b"")
                for name in NAMES
            ]
        )
        scores = [one.score for one in told if isinstance(one, SentenceScore)]
        best, second = sorted(scores, reverse=True)[:2]
        guess = guesses[found.image_id]
        assert NAMES[scores.index(best)] == guess["domain"]
        assert guess["margin"] == pytest.approx(best - second, abs=1e-5)


def test_a_release_whose_images_all_have_one_is_left_as_it_is(tmp_path: Path) -> None:
    release = ReleaseReader(open_release(str(release_with(tmp_path, ["food", "animal"]))))
    table = release.sentences()
    same, note = with_domains(release, table, DomainStep(), tmp_path)
    assert same.equals(table)
    assert "none was guessed" in note
    assert not (tmp_path / FILE).exists()


def test_an_image_that_cannot_be_scored_stays_without_one(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = ReleaseReader(open_release(str(release_with(tmp_path, [None]))))
    scoring = ClipDetector.score

    def failing(
        self: ClipDetector, requests: Sequence[ScoringRequest]
    ) -> list[SentenceScore | ItemFailure]:
        lost = ItemCode.IMAGE_DAMAGED.failure("It cannot be decoded.")
        found = scoring(self, requests)
        return [
            lost if int(asked.image_id, 16) == 3 else one
            for asked, one in zip(requests, found, strict=True)
        ]

    monkeypatch.setattr(ClipDetector, "score", failing)
    step = DomainStep(f"clip:repo={clip}", NAMES)
    after, _ = with_domains(release, release.sentences(), step, tmp_path)
    without = {row["image_id"] for row in after.to_pylist() if row["domain"] is None}
    assert without == {f"{3:064x}"}


def test_a_detector_that_compares_nothing_cannot_guess(tmp_path: Path) -> None:
    release = ReleaseReader(open_release(str(release_with(tmp_path, [None]))))
    with pytest.raises(ModelShapeError, match="backend clip or siglip"):
        with_domains(release, release.sentences(), DomainStep("constant"), tmp_path)


def test_the_report_and_the_record_say_that_domains_were_guessed(
    tmp_path: Path, clip: Path
) -> None:
    folder = release_with(tmp_path, [None])
    step = DomainStep(f"clip:repo={clip}", NAMES)
    settings = Settings(figures=False, domains=step)
    out = tmp_path / "out"
    done = evaluate(str(folder), [parse_detector("sentence_length")], out, settings)
    assert "was guessed: the nearest of music, sport, weather" in done.report.read_text()
    record = json.loads((out / "evaluation.json").read_text())
    assert record["domains"]["names"] == list(NAMES)
    (by_domain,) = (each for each in done.analyses if "domain" in each.table.column_names)
    assert set(by_domain.table["domain"].to_pylist()) <= set(NAMES)
