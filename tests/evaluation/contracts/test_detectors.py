"""What every detector keeps to, whoever wrote it (`schemas.detection.Detector`)."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from alignbench.evaluation.chosen_detectors.entries import PreparedDetector, parse_detector
from alignbench.schemas.detection import Detector, ScoringRequest, SentenceScore, StreamingDetector
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.contracts.five_lines import SentenceLength
from tests.evaluation.contracts.specimens import (
    HOSTILE,
    SENTENCES,
    STAND_INS,
    Specimen,
    asked,
    specimen,
    tried,
)
from tests.evaluation.faulty import installed

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=tried())
def detector(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Specimen]:
    """Each detector that runs offline."""
    name: str = request.param
    try:
        with specimen(name, tmp_path_factory.mktemp("detector")) as found:
            yield found
    except AlignBenchError as error:
        if name in STAND_INS:
            raise
        pytest.skip(f"it does not run offline: {error}")


@pytest.fixture(scope="module")
def made(detector: Specimen) -> Detector:
    return detector.make()


def scores(results: list[SentenceScore | ItemFailure]) -> list[float]:
    assert all(isinstance(result, SentenceScore) for result in results), results
    return [result.score for result in results if isinstance(result, SentenceScore)]


def test_an_unknown_option_or_parameter_is_refused(detector: Specimen) -> None:
    for kind in (detector.plugin.options_type, detector.plugin.params_type):
        with pytest.raises(ValidationError, match="forbidden"):
            kind.model_validate({"no_such_key": 1})


def test_each_sentence_has_one_score_in_its_place_in_any_batch(made: Detector) -> None:
    requests = asked(SENTENCES)
    together = scores(made.score(requests))
    assert len(together) == len(requests)
    assert all(map(math.isfinite, together))
    alone = [scores(made.score([request]))[0] for request in requests]
    assert together == pytest.approx(alone, abs=1e-4)
    assert scores(made.score(requests[::-1])) == pytest.approx(together[::-1], abs=1e-4)
    assert made.score([]) == []


def test_it_gives_the_same_scores_when_it_is_made_anew(detector: Specimen, made: Detector) -> None:
    requests = asked(SENTENCES)
    assert scores(detector.make().score(requests)) == scores(made.score(requests))


def test_images_are_looked_at_only_if_it_says_so(made: Detector) -> None:
    requests = asked(SENTENCES)
    if not made.reads_pixels:
        without = [replace(request, image=b"") for request in requests]
        assert scores(made.score(without)) == scores(made.score(requests))
        return
    broken = replace(requests[1], image_id="broken", image=b"no image")
    results = made.score([requests[0], broken, *requests[2:]])
    failure = results.pop(1)
    assert isinstance(failure, ItemFailure)
    assert failure.code
    assert failure.message
    others = scores(made.score([requests[0], *requests[2:]]))
    assert scores(results) == pytest.approx(others, abs=1e-4)


def test_words_are_places_in_the_sentence(made: Detector) -> None:
    requests = asked(SENTENCES)
    for request, result in zip(requests, made.score(requests), strict=True):
        assert isinstance(result, SentenceScore)
        for word in result.words:
            assert 0 <= word.start < word.end <= len(request.text)
            assert math.isfinite(word.score)


def test_hostile_text_is_scored_or_fails_and_leaves_the_others_alone(made: Detector) -> None:
    requests = asked([*SENTENCES, *HOSTILE])
    results = made.score(requests)
    assert len(results) == len(requests)
    good = [place for place, request in enumerate(requests) if request.text in SENTENCES]
    alone = scores(made.score([requests[place] for place in good]))
    assert scores([results[place] for place in good]) == pytest.approx(alone, abs=1e-4)


def test_a_stream_gives_what_batches_give_each_in_its_place(made: Detector) -> None:
    if not isinstance(made, StreamingDetector):
        pytest.skip("it takes batches only")
    requests = asked(SENTENCES)
    streamed = list(made.score_stream(iter(requests)))
    assert sorted(place for place, _ in streamed) == list(range(len(requests)))
    in_order = [result for _, result in sorted(streamed, key=lambda answer: answer[0])]
    assert in_order == made.score(requests)


def test_a_stream_is_taken_as_it_is_worked_on(made: Detector) -> None:
    if not isinstance(made, StreamingDetector):
        pytest.skip("it takes batches only")
    some, taken, count = asked(SENTENCES), 0, 3000

    def requests() -> Iterator[ScoringRequest]:
        nonlocal taken
        for taken in range(1, count + 1):
            yield some[taken % len(some)]

    stream = made.score_stream(requests())
    next(stream)
    assert taken < count, "all requests were taken before the first answer"
    stream.close()  # type: ignore[attr-defined]


def test_five_lines_are_a_detector_that_evaluate_finds_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with installed(monkeypatch, five_lines=SentenceLength):
        prepared = PreparedDetector(parse_detector("five_lines"))
        assert not prepared.reads_pixels
        results = prepared.load().score(asked(["Dog.", "Two dogs."]))
    assert scores(results) == [-4, -9]


def test_the_documented_detector_is_the_tested_one() -> None:
    code = (Path(__file__).parent / "five_lines.py").read_text()
    assert code in (ROOT / "docs" / "extending.md").read_text()
    lines = [line for line in code.splitlines()[1:] if line.strip()]
    assert len(lines) == 5
