"""Every family captions, samples, is asked and weighed as the library itself would run it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from alignbench.evaluation.detectors.likelihood import (
    LikelihoodDetector,
    LikelihoodOptions,
    LikelihoodParams,
)
from alignbench.evaluation.detectors.vlm import VlmDetector, VlmParams
from alignbench.evaluation.prompts import ask_again, asked
from alignbench.generators.captioners.in_process import (
    TransformersCaptioner,
    TransformersOptions,
    TransformersParams,
)
from alignbench.models.in_process.forward_pass import next_scores
from alignbench.models.in_process.placement import InProcessOptions, choose_placement
from alignbench.models.in_process.probes.asking import probe_question
from alignbench.models.in_process.probes.pictures import probe_pictures
from alignbench.models.in_process.vision_language_loading import load_vision_language
from alignbench.models.in_process.weights import find_weights
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.protocols import CaptionInput, Generation, ItemFailure
from tests.models.families.building import HAS_TORCHVISION
from tests.models.families.conftest import Folders, Outcomes
from tests.models.families.family import Ability, Family
from tests.models.families.library import LibraryModel
from tests.models.families.pictures import picture, png
from tests.models.families.vision_language.table import FAMILIES

TOKENS = 6
IN_MAKE_TEST = ("blip-2", "mllama")
"""What stands for all of them where there is no torchvision and little time."""
PROMPT = "Is this true? {sentence} Answer yes or no."


def _rows() -> list[object]:
    return list(_marked())


def _marked() -> Iterator[object]:
    for family in FAMILIES:
        marks = [] if family.name in IN_MAKE_TEST else [pytest.mark.families]
        if family.needs_torchvision and not HAS_TORCHVISION:
            marks.append(pytest.mark.skip(reason="needs torchvision"))
        yield pytest.param(family, id=family.name, marks=marks)


every_family = pytest.mark.parametrize("family", _rows())


def _captioner(folder: Path, family: Family, **params: object) -> TransformersCaptioner:
    options = TransformersOptions(keep_truncated=True, device="cpu")
    thinking = {"chat_template_kwargs": dict(family.template_options)}
    sent = TransformersParams.model_validate({"max_new_tokens": TOKENS, **thinking, **params})
    return TransformersCaptioner(str(folder), None, options, sent)


def _captions(
    captioner: TransformersCaptioner, family: Family, places: Sequence[int], seed: int = 0
) -> list[str]:
    """Captions of some pictures, as one batch; each picture's seed is its own."""
    answers = captioner.caption(
        [CaptionInput(str(place), png(place)) for place in places],
        family.instruction,
        [seed + place for place in places],
    )
    assert all(isinstance(answer, Generation) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Generation)]


def _requests(*sentences: str) -> list[ScoringRequest]:
    """Each sentence about the picture at its place."""
    return [
        ScoringRequest(str(place), sentence, str(place), png(place))
        for place, sentence in enumerate(sentences)
    ]


def _scores(detector: VlmDetector | LikelihoodDetector, *sentences: str) -> list[float]:
    results = detector.score(_requests(*sentences))
    assert all(isinstance(result, SentenceScore) for result in results), results
    return [result.score for result in results if isinstance(result, SentenceScore)]


def _vlm(folder: Path, family: Family, **params: object) -> VlmDetector:
    options = InProcessOptions(device="cpu")
    asked_so = {"chat_template_kwargs": dict(family.template_options), **params}
    return VlmDetector(str(folder), None, PROMPT, options, VlmParams.model_validate(asked_so))


def _tried(family: Family, ability: Ability, outcomes: Outcomes, use: Callable[[], None]) -> None:
    """Uses a family for something; what the table says it cannot must end as it says."""
    reason = family.cannot.get(ability)
    if reason is None:
        use()
    else:
        with pytest.raises(AlignBenchError, match=reason):
            use()
    outcomes.add(family.name, ability.value)


@every_family
def test_what_it_says_depends_on_the_picture(family: Family, folders: Folders) -> None:
    options = InProcessOptions(device="cpu")
    model = load_vision_language(
        find_weights(str(folders.writing_letters(family)), None), options, choose_placement(options)
    )
    pictures, said = probe_pictures(), probe_question(model)
    one, other = (next_scores(model, shown, said) for shown in (pictures.small, pictures.other))
    # Rounding alone makes a model that sees nothing differ by a millionth.
    assert float((one - other).abs().max()) > 1e-4


@every_family
def test_it_captions_as_the_library_does(
    family: Family, folders: Folders, outcomes: Outcomes
) -> None:
    def use() -> None:
        folder = folders.writing_letters(family)
        together = _captions(_captioner(folder, family), family, range(3))
        library = LibraryModel(folder, family.template_options)
        alone = [library.write(picture(place), family.said, TOKENS) for place in range(3)]
        said = family.instruction if family.keeps_instruction and family.instruction else ""
        assert together == [f"{said}{written.text}" for written in alone]

    _tried(family, Ability.CAPTION, outcomes, use)


@every_family
def test_a_seed_gives_the_same_sample_in_any_batch(
    family: Family, folders: Folders, outcomes: Outcomes
) -> None:
    def use() -> None:
        folder = folders.writing_letters(family)
        # Hot, and among letters only: some random models are sure of one letter.
        captioner = _captioner(folder, family, temperature=50.0, top_k=10)
        together = _captions(captioner, family, range(3))
        alone = [_captions(captioner, family, [place])[0] for place in range(3)]
        assert together == alone
        assert together != _captions(captioner, family, range(3), seed=100)

    _tried(family, Ability.SAMPLE, outcomes, use)


@every_family
def test_the_number_it_writes_is_what_is_read(
    family: Family, folders: Folders, outcomes: Outcomes
) -> None:
    def use() -> None:
        folder = folders.writing_digits(family)
        sentences = ["A dog runs.", "Two red cups stand there.", "It rains."]
        results = _vlm(folder, family, answer="score", max_new_tokens=2).score(
            _requests(*sentences)
        )
        library = LibraryModel(folder, family.template_options)
        for place, sentence in enumerate(sentences):
            again = (
                f"{asked(PROMPT, sentence)}\n\n{ask_again()}"  # the first answer was cut off too
            )
            written = library.write(picture(place), again, 2).text
            result = results[place]
            assert isinstance(result, ItemFailure)
            # The model knows no end, and a number that is cut off may be the beginning of another.
            assert result.message == f"The answer was cut off at its number: {written!r}."

    _tried(family, Ability.SCORE, outcomes, use)


@every_family
def test_yes_is_weighed_as_the_library_weighs_it(
    family: Family, folders: Folders, outcomes: Outcomes
) -> None:
    def use() -> None:
        folder = folders.writing_letters(family)
        sentences = ["A dog runs.", "Two red cups stand there.", "It rains."]
        shares = _scores(_vlm(folder, family, answer="yes_no"), *sentences)
        library = LibraryModel(folder, family.template_options)
        for place, sentence in enumerate(sentences):
            expected = library.yes_share(picture(place), asked(PROMPT, sentence))
            assert shares[place] == pytest.approx(expected, abs=1e-4)

    _tried(family, Ability.YES_NO, outcomes, use)


@every_family
def test_what_it_wrote_is_as_likely_as_when_it_wrote_it(
    family: Family, folders: Folders, outcomes: Outcomes
) -> None:
    def use() -> None:
        folder = folders.writing_letters(family)
        library = LibraryModel(folder, family.template_options)
        written = [library.write(picture(place), family.said, TOKENS) for place in range(3)]
        detector = LikelihoodDetector(
            str(folder),
            None,
            None,
            LikelihoodOptions(device="cpu"),
            LikelihoodParams(
                instruction=family.instruction,
                chat_template_kwargs=dict(family.template_options),
            ),
        )
        told = _scores(detector, *(one.text for one in written))
        assert told == pytest.approx([one.mean_log_probability for one in written], abs=2e-3)

    _tried(family, Ability.LIKELIHOOD, outcomes, use)
