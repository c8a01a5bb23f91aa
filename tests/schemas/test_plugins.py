"""A base gives a plug-in its types, its defaults and its batch method, and no surprises."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic

import pytest

from alignbench.schemas.detection import ScoringRequest, SentenceScore, StreamingDetector
from alignbench.schemas.plugins import (
    DetectorBase,
    OptionsT,
    ParamsT,
    SourceBase,
    StreamingCaptionerBase,
    StreamingDetectorBase,
    StreamingImageGeneratorBase,
)
from alignbench.schemas.protocols import (
    CaptionInput,
    CaptionRequest,
    GeneratedImage,
    Generation,
    ImageRequest,
    ItemFailure,
    NoOptions,
    Options,
    SourceItem,
    StreamingCaptioner,
    StreamingImageGenerator,
    Surroundings,
)


class SomeOptions(Options):
    path: str = "here"


class SomeParams(Options):
    factor: int = 3


class Backwards(StreamingCaptionerBase[SomeOptions, SomeParams]):
    """Answers the last request first."""

    def caption_stream(
        self, requests: Iterator[CaptionRequest], instruction: str | None
    ) -> Iterator[tuple[int, Generation | ItemFailure]]:
        for place, request in reversed(list(enumerate(requests))):
            yield place, Generation(f"{request.image.image_id} {request.seed * self.params.factor}")


class BackwardsImages(StreamingImageGeneratorBase):
    def generate_stream(
        self, requests: Iterator[ImageRequest]
    ) -> Iterator[tuple[int, GeneratedImage | ItemFailure]]:
        for place, request in reversed(list(enumerate(requests))):
            yield place, GeneratedImage(f"{request.prompt} {request.seed}".encode())


class BackwardsScores(StreamingDetectorBase[NoOptions, SomeParams]):
    def score_stream(
        self, requests: Iterator[ScoringRequest]
    ) -> Iterator[tuple[int, SentenceScore | ItemFailure]]:
        for place, request in reversed(list(enumerate(requests))):
            yield place, SentenceScore(float(len(request.text)))


def test_the_classes_in_brackets_are_the_types_of_options_and_params() -> None:
    assert (Backwards.options_type, Backwards.params_type) == (SomeOptions, SomeParams)
    assert (BackwardsScores.options_type, BackwardsScores.params_type) == (NoOptions, SomeParams)
    assert (BackwardsImages.options_type, BackwardsImages.params_type) == (NoOptions, NoOptions)


def test_a_subclass_keeps_the_types_and_a_generic_one_passes_them_on() -> None:
    class Further(Backwards):
        pass

    class Between(DetectorBase[OptionsT, ParamsT], Generic[OptionsT, ParamsT]):
        def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
            return []

    class Last(Between[SomeOptions, SomeParams]):
        pass

    assert (Further.options_type, Further.params_type) == (SomeOptions, SomeParams)
    assert Between.options_type is NoOptions
    assert (Last.options_type, Last.params_type) == (SomeOptions, SomeParams)


def test_a_class_that_is_only_named_in_quotes_is_refused() -> None:
    with pytest.raises(TypeError, match="Quoted: define"):

        class Quoted(DetectorBase["Later", NoOptions]):  # type: ignore[name-defined]
            pass


def test_a_plugin_without_its_method_cannot_be_made() -> None:
    class Nothing(DetectorBase):
        pass

    with pytest.raises(TypeError, match=r"abstract method '?score"):
        Nothing("", None, None, NoOptions(), NoOptions())  # type: ignore[abstract]


def test_a_batch_is_the_streams_answers_back_in_order() -> None:
    captioner = Backwards("tiny", "1", SomeOptions(), SomeParams())
    images = [CaptionInput(name, b"") for name in "abc"]
    answers = captioner.caption(images, None, [1, 2, 3])
    assert [answer.text for answer in answers if isinstance(answer, Generation)] == [
        "a 3", "b 6", "c 9"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="shorter"):
        captioner.caption(images, None, [1])
    painter = BackwardsImages("tiny", None, NoOptions(), NoOptions())
    made = painter.generate(["x", "y"], [5, 6])
    assert [image.data for image in made if isinstance(image, GeneratedImage)] == [b"x 5", b"y 6"]
    detector = BackwardsScores("tiny", None, None, NoOptions(), SomeParams())
    asked = [ScoringRequest(str(n), "x" * n, "image") for n in range(3)]
    assert detector.score(asked) == [SentenceScore(float(n)) for n in range(3)]
    assert detector.score([]) == []


def test_only_a_streaming_base_makes_a_streaming_plugin() -> None:
    class Plain(DetectorBase):
        def score(self, requests: Sequence[ScoringRequest]) -> list[SentenceScore | ItemFailure]:
            return []

    plain = Plain("tiny", None, "Is it so?", NoOptions(), NoOptions())
    assert not isinstance(plain, StreamingDetector)
    assert (plain.repo, plain.revision, plain.prompt) == ("tiny", None, "Is it so?")
    assert Plain.resolve_revision("tiny", NoOptions()) is None
    assert Plain.default_prompt(NoOptions()) is None
    assert not Plain.reads_pixels
    assert isinstance(Backwards("", None, SomeOptions(), SomeParams()), StreamingCaptioner)
    assert isinstance(BackwardsImages("", None, NoOptions(), NoOptions()), StreamingImageGenerator)
    assert isinstance(BackwardsScores("", None, None, NoOptions(), SomeParams()), StreamingDetector)


def test_load_is_called_once_with_everything_in_place(tmp_path: Path) -> None:
    class Loaded(SourceBase[SomeOptions]):
        def load(self) -> None:
            self.found = [self.surroundings.folder / self.options.path]

        def items(self) -> Iterator[SourceItem]:
            return iter(())

        def read(self, items: Sequence[SourceItem]) -> list[bytes | ItemFailure]:
            return []

    assert Loaded(SomeOptions(), Surroundings("s", tmp_path)).found == [tmp_path / "here"]
