"""Every error has a stable code of its own, in the list that operators search."""

import pickle
import re
from collections import Counter

import pytest

from alignbench.schemas.errors import AlignBenchError
from tests.schemas.error_codes import (
    CODE,
    RETIRED,
    ROOT,
    all_codes,
    error_classes,
    page,
    source_files,
)
from tests.schemas.expected import assert_same_as_file

ERRORS = error_classes()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_has_a_code_a_meaning_and_a_fix(error: type[AlignBenchError]) -> None:
    assert "code" in vars(error), "It has its base's code; give it one of its own."
    assert CODE.fullmatch(error.code)
    assert error.exit_code in (1, 2)
    assert error.__doc__
    assert str(error("What happened.", "What to do.")) == (
        f"{error.code}: What happened. What to do."
    )


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_comes_whole_from_another_process(error: type[AlignBenchError]) -> None:
    copy = pickle.loads(pickle.dumps(error("What happened.", "What to do.")))
    assert type(copy) is error
    assert (copy.what, copy.fix) == ("What happened.", "What to do.")


def test_no_two_things_share_a_code() -> None:
    counts = Counter(code.code for code in all_codes())
    assert [code for code, count in counts.items() if count > 1] == []


def test_no_code_is_used_again_once_it_is_retired() -> None:
    assert sorted(RETIRED.keys() & {code.code for code in all_codes()}) == []


def test_every_code_in_the_source_has_a_meaning() -> None:
    documented = {code.code for code in all_codes() if code.meaning}
    used = {
        code
        for path in source_files()
        for code in re.findall(r"[\"'](AB-[A-Z]\d+)[\"']", path.read_text(encoding="utf-8"))
    }
    assert sorted(used - documented) == []


def test_the_page_of_error_codes_is_current() -> None:
    assert_same_as_file(ROOT / "docs/errors.md", page(), "docs/errors.md lags behind the code.")
