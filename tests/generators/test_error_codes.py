import pytest

from alignbench.generators import errors as input_errors
from alignbench.models import errors as model_errors
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.registry import Group, find


def test_every_code_is_used_once_and_has_a_meaning() -> None:
    classes = [
        value
        for value in (*vars(input_errors).values(), *vars(model_errors).values())
        if isinstance(value, type)
        and issubclass(value, AlignBenchError)
        and value is not AlignBenchError
    ]
    codes = [error.code for error in classes] + [code.value for code in ItemCode]
    assert len(codes) == len(set(codes))
    assert all(code.startswith(("AB-G", "AB-E")) for code in codes)
    assert all(code.meaning.endswith(".") for code in ItemCode)


def test_a_message_is_bounded_however_long_the_name_in_it() -> None:
    failure = ItemCode.FILE_MISSING.failure("x" * 1_000_000)
    assert failure.code == "AB-G20"
    assert type(failure.code) is str
    assert len(failure.message) < 1100


@pytest.mark.parametrize(
    ("group", "name"),
    [
        (Group.SOURCES, "folder"),
        (Group.SOURCES, "urls"),
        (Group.SOURCES, "parquet"),
        (Group.SOURCES, "captions"),
        (Group.PROMPT_SOURCES, "file"),
        (Group.CAPTIONERS, "precomputed"),
    ],
)
def test_the_plug_ins_are_found_by_their_names(group: Group, name: str) -> None:
    assert find(group, name).options_type.model_config["extra"] == "forbid"
