import pytest

from alignbench.scenes.errors import MarkedCaptionError
from alignbench.scenes.photographs.marked import read_marked
from alignbench.schemas.vocabulary import HallucinationType


def test_marks_become_offsets_in_code_points_after_an_emoji() -> None:
    ((caption, key),) = read_marked(
        "# comment\n\n== a.png | m\n📷 Two {object|dogs} sit. {?|They are tired.}\n"
    )
    assert caption == "📷 Two dogs sit. They are tired."
    (error,) = key.errors
    assert (error.start, error.end, error.type) == (6, 10, HallucinationType.OBJECT)
    (undecidable,) = key.undecidable
    assert caption[undecidable.start : undecidable.end] == "They are tired."


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("== a.png | m\nA {colour|red} car.", "unknown type 'colour'"),
        ("== a.png | m\nA {red} car.", "a.png | m belongs to no mark"),
        ("== a.png | m\nA {object|red {number|two}} car.", "belongs to no mark"),
        ("A caption.\n== a.png | m\nA car.", "before the first caption"),
        ("== a.png | m\nA car.\n== a.png | m\nA bus.", "Two captions"),
    ],
)
def test_marks_that_cannot_be_read_are_named(source: str, message: str) -> None:
    with pytest.raises(MarkedCaptionError) as error:
        read_marked(source)
    assert message in str(error.value)
