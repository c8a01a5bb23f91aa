import pytest

from alignbench.generators.captioners.precomputed import PrecomputedCaptioner
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import Captioner, CaptionInput, Generation, ItemFailure, NoOptions
from alignbench.schemas.vocabulary import FailureKind


def test_captions_are_given_back_as_they_came_and_blank_ones_are_empty() -> None:
    captioner: Captioner = PrecomputedCaptioner("m", None, NoOptions(), NoOptions())
    texts = ["  A cat.\n", "", " \n\t", None]
    images = [CaptionInput("0" * 64, b"", text) for text in texts]
    first, *others = captioner.caption(images, None, [0] * 4)
    assert first == Generation("  A cat.\n")
    assert [(other.code, other.kind) for other in others if isinstance(other, ItemFailure)] == [
        (ItemCode.CAPTION_EMPTY, FailureKind.EMPTY),
        (ItemCode.CAPTION_EMPTY, FailureKind.EMPTY),
        (ItemCode.CAPTION_MISSING, FailureKind.FAILED),
    ]


def test_a_raw_answer_in_a_file_is_read_as_that_of_a_model() -> None:
    captioner = PrecomputedCaptioner("m", None, NoOptions(), NoOptions())
    texts = ["<think>A cat?</think>A cat.<|im_end|>", "A cat.</s>A dog.", "A cat. " * 50_000]
    first, *others = captioner.caption(
        [CaptionInput("0" * 64, b"", text) for text in texts], None, [0] * 3
    )
    assert isinstance(first, Generation)
    assert (first.text, first.engine["thought"]) == ("A cat.", "A cat?")
    codes = [other.code for other in others if isinstance(other, ItemFailure)]
    assert codes == [ItemCode.CONTROL_TOKEN, ItemCode.ANSWER_TOO_LONG]


def test_it_needs_no_pixels_and_has_no_revision() -> None:
    assert not PrecomputedCaptioner.reads_pixels
    assert PrecomputedCaptioner.resolve_revision("m", NoOptions()) is None


def test_it_must_be_said_whose_captions_are_meant() -> None:
    with pytest.raises(ConfigError, match="AB-C01"):
        PrecomputedCaptioner("", None, NoOptions(), NoOptions())
