"""What it costs to settle doubts, each figure worked out by hand."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from alignbench.annotation.assigning.asked import AskedUnits
from alignbench.flows.team.vote_costs import round_cost
from alignbench.release.labels.stopping import UntilCheck
from alignbench.release_format.manifest import RoundRecord
from alignbench.schemas.tables import ANNOTATIONS
from alignbench.schemas.vocabulary import AnnotationUnit
from tests.annotation.assigning.test_dealing import ADAPTIVE, UNITS, Tables

RULE = RoundRecord(first=2, most=5, until=0.98, control_share=0.2)
# Of ten sentences that two votes leave in doubt, six end at three and four at five.
CHECK = UntilCheck("1", RULE, 500, {2: 0.9, 3: 0.06, 5: 0.04}, [])


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """A round whose first votes are there, with three of its sentences in doubt."""
    made = Tables(tmp_path, ADAPTIVE)
    made.deal()
    made.answer(made.rows())
    asked = Counter(row.unit_id for row in made.rows())
    made.label(0.9, 2, [unit for unit, votes in sorted(asked.items()) if votes == 2][:3])
    return made


def test_further_votes_are_as_many_as_the_control_sample_needed(tables: Tables) -> None:
    cost = round_cost(tables.workspace, tables.form, AskedUnits.of(UNITS), CHECK)
    assert cost is not None
    assert (cost.in_doubt, cost.now, cost.most) == (3, 3, 9)
    assert cost.likely == pytest.approx(3 * (0.6 * 1 + 0.4 * 3))
    assert cost.hours is None
    assert "3 sentences are less sure than 0.98" in cost.line
    assert "about 5 more answers (9 at most). 'alignbench push' asks for 3 now" in cost.line


def test_without_a_full_control_sample_the_most_is_told(tables: Tables) -> None:
    cost = round_cost(tables.workspace, tables.form, AskedUnits.of(UNITS), CHECK._replace(ends={}))
    assert cost is not None
    assert cost.likely is None
    assert "takes at most 9 more answers." in cost.line


def test_the_time_is_that_of_the_answers_so_far(tables: Tables) -> None:
    rows = list(tables.workspace.table(ANNOTATIONS).rows())
    timed = [replace(row, lead_seconds=1000.0 if n == 0 else 30.0) for n, row in enumerate(rows)]
    later = [replace(row, updated_at=row.updated_at.replace(year=2027)) for row in timed]
    tables.workspace.table(ANNOTATIONS).append(later, "test")
    cost = round_cost(tables.workspace, tables.form, AskedUnits.of(UNITS), CHECK)
    assert cost is not None
    assert cost.hours is not None
    mean = (300 + 30 * (len(rows) - 1)) / len(rows)  # one was left open over lunch
    assert cost.likely is not None
    assert math.isclose(cost.hours, cost.likely * mean / 3600)


def test_what_has_been_asked_for_already_is_not_asked_for_again(tables: Tables) -> None:
    tables.deal()
    cost = round_cost(tables.workspace, tables.form, AskedUnits.of(UNITS), CHECK)
    assert cost is not None
    assert (cost.now, cost.most) == (0, 6)


def test_a_caption_is_asked_about_once_however_many_of_its_sentences_are_in_doubt(
    tables: Tables,
) -> None:
    asked = [
        first._replace(unit_id=f"c-{first.image_id}", sentence_ids=(first.unit_id, second.unit_id))
        for first, second in zip(UNITS[::2], UNITS[1::2], strict=True)
    ]
    form = replace(tables.form, unit=AnnotationUnit.CAPTION)
    cost = round_cost(tables.workspace, form, AskedUnits.of(asked), None)
    assert cost is not None
    assert cost.in_doubt == 2
    assert "captions are less sure" in cost.line
