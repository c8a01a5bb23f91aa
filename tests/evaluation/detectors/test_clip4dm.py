"""Word attributions are the published ones, whatever the batch; F-CLIPScore follows from them."""

import io
from pathlib import Path

import pytest
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from alignbench.evaluation.detector_parts.misaligned_words import misaligned_phrases
from alignbench.evaluation.detectors.clip4dm import Clip4dmDetector, Clip4dmOptions, Clip4dmParams
from alignbench.evaluation.errors import ModelShapeError
from alignbench.schemas.detection import ScoringRequest, SentenceScore
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure
from tests.evaluation.detectors.published_clip4dm import word_attributions
from tests.evaluation.images import png, requests
from tests.fixtures.tiny_dual_encoders import save_clip, save_siglip

SENTENCES = [
    "A red ball lies on the green grass.",
    "Dog.",
    "Two cups, one plate and 3 spoons stand on a wooden table near the window.",
    "An owl",
    "It's a café, isn't it?",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"))


def detector(folder: Path, batch: int = 8, **params: object) -> Clip4dmDetector:
    # Compared with a reference on the processor, digit by digit.
    options = Clip4dmOptions(device="cpu", forward_batch=batch)
    return Clip4dmDetector(str(folder), None, None, options, Clip4dmParams.model_validate(params))


def scored(results: list[SentenceScore | ItemFailure]) -> list[SentenceScore]:
    assert all(isinstance(result, SentenceScore) for result in results)
    return results  # type: ignore[return-value]


@pytest.mark.parametrize(("start", "end"), [(-3, None), (0, None), (-1, None), (1, 3), (0, 1)])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_words_have_the_published_attributions(
    folder: Path, start: int, end: int | None, batch: int
) -> None:
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)
    asked = requests(SENTENCES)
    found = scored(detector(folder, batch, start_layer=start, end_layer=end).score(asked))
    for request, result in zip(asked, found, strict=True):
        image = Image.open(io.BytesIO(request.image)).convert("RGB")
        _, expected = word_attributions(
            model, tokenizer, processor, image, request.text, start, end
        )
        assert [(word.start, word.end) for word in result.words] == [w[:2] for w in expected]
        largest = max(abs(score) for *_, score in expected)
        assert largest > 1e-4, "The model tells words apart, or the comparison says nothing."
        for word, (*_, score) in zip(result.words, expected, strict=True):
            assert word.score == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("counted", ["negative_heads", "negative_layers"])
def test_ablations_count_only_what_is_negative(folder: Path, counted: str) -> None:
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)
    asked = requests(SENTENCES[:2])
    full = scored(detector(folder).score(asked))
    found = scored(detector(folder, gradient=counted).score(asked))
    for request, result, whole in zip(asked, found, full, strict=True):
        image = Image.open(io.BytesIO(request.image)).convert("RGB")
        _, expected = word_attributions(
            model, tokenizer, processor, image, request.text, -3, None, counted
        )
        for word, (*_, score), plain in zip(result.words, expected, whole.words, strict=True):
            assert word.score == pytest.approx(score, abs=1e-5)
            assert word.score <= min(0.0, plain.score) + 1e-9


def test_a_dash_counts_as_a_word_and_the_lowest_phrase_is_a_mean(folder: Path) -> None:
    [request] = requests(["A dog - very large - runs!"])
    [plain] = scored(detector(folder).score([request]))
    below = [word for word in plain.words if word.score < -5e-5]
    dashes = [w for w in below if request.text[w.start : w.end] == "-"]
    assert dashes, "The model finds a dash misaligned, or the comparison says nothing."
    [lowest] = scored(detector(folder, mode="most_negative").score([request]))
    share = lowest.score / min(word.score for word in plain.words)  # one less the cosine
    assert plain.score == pytest.approx(share * sum(word.score for word in below))
    [phrase] = scored(detector(folder, mode="lowest_phrase").score([request]))
    means = [run.score for run in misaligned_phrases(request.text, plain.words, -5e-5)]
    assert phrase.score == pytest.approx(share * min(means))


def test_the_score_is_one_less_the_cosine_times_the_misaligned_words(folder: Path) -> None:
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)
    for request, result in zip(
        requests(SENTENCES), scored(detector(folder).score(requests(SENTENCES))), strict=True
    ):
        image = Image.open(io.BytesIO(request.image)).convert("RGB")
        cosine, words = word_attributions(
            model, tokenizer, processor, image, request.text, -3, None
        )
        low = sum(
            score
            for start, end, score in words
            if score < -5e-5 and request.text[start:end] not in (".", ",")
        )
        assert result.score == pytest.approx((1 - max(cosine, 0)) * low, abs=1e-5)
        assert result.score <= 0


def test_the_most_negative_word_counts_even_where_it_is_not_negative(folder: Path) -> None:
    for mode in ("threshold", "most_negative"):
        [result] = scored(
            detector(folder, mode=mode, epsilon=-1e9).score(requests(["A red ball."]))
        )
        if mode == "threshold":
            assert result.score == 0.0
        else:
            lowest = min(word.score for word in result.words)
            assert result.score != 0.0
            assert (result.score < 0) == (lowest < 0)


def test_words_of_the_sentence_are_found_at_their_offsets(folder: Path) -> None:
    for request, result in zip(
        requests(SENTENCES), scored(detector(folder).score(requests(SENTENCES))), strict=True
    ):
        words = [request.text[word.start : word.end] for word in result.words]
        assert "depicts" not in words
        assert "".join(words) == "".join(request.text.split())


def test_a_sentence_longer_than_the_window_is_read_in_parts_and_says_so(folder: Path) -> None:
    text = "A small brown dog sits on the grass beside a very old tree. " * 4
    [result] = scored(detector(folder).score(requests([text])))
    assert result.parts > 1
    words = [text[word.start : word.end] for word in result.words]
    assert "".join(words) == "".join(text.split())
    [failure] = detector(folder, long_text="fail").score(requests([text]))
    assert isinstance(failure, ItemFailure)
    assert failure.code == ItemCode.SENTENCE_TOO_LONG


def test_a_damaged_image_and_an_empty_sentence_fail_alone(folder: Path) -> None:
    asked = [
        *requests(["A red ball."]),
        ScoringRequest("b", "A dog.", "bad", b"no image"),
        ScoringRequest("c", " \n ", "image-0", png(0)),
    ]
    good, damaged, empty = detector(folder).score(asked)
    assert isinstance(good, SentenceScore)
    assert isinstance(damaged, ItemFailure)
    assert damaged.code == ItemCode.IMAGE_DAMAGED
    assert isinstance(empty, ItemFailure)
    assert empty.code == ItemCode.SENTENCE_EMPTY


def test_a_model_without_those_layers_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelShapeError):
        detector(folder, start_layer=9)
    with pytest.raises(ModelShapeError):
        detector(save_siglip(tmp_path / "siglip"))
