"""The page for operators lists the families that are tried, and what the last run showed of them.

This module is the last of its folder, so that a run of all of it has seen every family by then.
"""

import pytest

from tests.models.families.conftest import Outcomes
from tests.models.families.page import (
    PAGE,
    every_use,
    names_in_tables,
    names_on_page,
    page_with_tables,
)
from tests.schemas.expected import assert_same_as_file


def test_the_page_lists_every_family_that_is_tried() -> None:
    assert names_on_page() == names_in_tables()


def test_no_two_rows_have_one_name() -> None:
    names = names_in_tables()
    assert sorted(set(names)) == sorted(names)


@pytest.mark.families
def test_the_page_says_what_this_run_has_shown(outcomes: Outcomes) -> None:
    missing = every_use() - outcomes.shown
    if missing:
        pytest.skip(f"not all families were run: {len(missing)} uses are missing")
    assert_same_as_file(PAGE, page_with_tables(), "What works has changed.")
