"""How far along a task says that its annotator is."""

from alignbench.annotation.pushing.progress import QueueProgress


def test_units_are_numbered_as_they_are_sent_behind_those_sent_before() -> None:
    progress = QueueProgress("pilot", sent=299, total=1200)
    assert progress.at("a") == "pilot · 300 / 1,200"
    assert progress.at("b") == "pilot · 301 / 1,200"


def test_a_unit_that_is_sent_again_keeps_its_number() -> None:
    progress = QueueProgress("pilot", total=3)
    assert [progress.at(unit) for unit in "abab"] == [
        f"pilot · {number} / 3" for number in (1, 2, 1, 2)
    ]


def test_where_several_people_share_a_project_no_number_is_anybodys_own() -> None:
    assert QueueProgress("pilot").at("a") == "pilot"


def test_a_number_is_never_above_the_total() -> None:
    assert QueueProgress("pilot", sent=5, total=5).at("a") == "pilot · 6 / 6"
