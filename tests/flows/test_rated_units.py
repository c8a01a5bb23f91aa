"""What a round of ratings asks about, read from the tables; how it is dealt out."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from alignbench.annotation.rounds.forms import begin_round
from alignbench.annotation.rounds.withdrawal import withdraw_image
from alignbench.cli.app import app
from alignbench.flows.asking.rated_units import (
    draw_rating_gold,
    rated_asked,
    rated_units,
    rater_notes,
)
from alignbench.flows.runs.run import open_run
from alignbench.schemas.rows.questions import GoldRating
from alignbench.schemas.tables import GOLD_RATINGS, QUESTIONS, RESPONSES, SAMPLED_QUESTIONS
from alignbench.schemas.vocabulary import RATING_ROUND, AnnotationUnit, Purpose
from alignbench.workspace.workspace import Workspace
from tests.flows.question_roads import by_model, entry, question, rated, workspace
from tests.generators.endpoint.model_server import running, said

MODELS = ("one", "two", "three")


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Twenty questions about ten images, of which twelve were drawn; three models answered."""
    with running() as server:
        answers = {name: lambda _, name=name: said(f"{name} cats") for name in MODELS}
        server.script = by_model(answers | {"critic": lambda _: rated(7)})
        url = server.base_url
        config = [entry("captioners", name, url) for name in MODELS]
        config += [entry("judges", "critic", url), "[annotation]\ngold_share = 0.1\n"]
        root = tmp_path_factory.mktemp("sampled") / "w"
        opened = workspace(root, "\n".join(config), [question(number) for number in range(20)])
        for verb in (["respond"], ["respond", "--blind"], ["judge"], ["questions", "sample", "12"]):
            done = CliRunner().invoke(app, ["-C", opened.url, *verb])
            assert done.exit_code == 0, done.output
        yield opened


def test_every_model_is_rated_on_every_drawn_question_and_a_fifth_of_the_images_twice(
    sampled: Workspace,
) -> None:
    run = open_run(sampled.url)
    form = begin_round(sampled, RATING_ROUND, run.config.annotation, "test")
    assert (form.unit, form.first, form.most, form.until) == (AnnotationUnit.RESPONSE, 1, 2, None)
    drawn = {row.asked_id for row in sampled.table(SAMPLED_QUESTIONS).rows() if row.drawn}
    rows = {row.response_id: row for row in sampled.table(RESPONSES).rows()}
    asked = rated_asked(run, RATING_ROUND)
    assert len(asked) == 3 * len(drawn) == 36
    assert {(rows[one.unit_id].asked_id, rows[one.unit_id].model) for one in asked} == {
        (question, model) for question in drawn for model in MODELS
    }
    assert not any(rows[one.unit_id].blind for one in asked)
    images = [one.image_id for one in asked]
    assert images == sorted(images), "the answers about an image come one after another"
    votes = {one.image_id: one.votes for one in asked}
    assert sum(count == 2 for count in votes.values()) == -(-len(votes) // 5)
    units = rated_units(run, RATING_ROUND)
    assert units["unit_id"].to_pylist() == [one.unit_id for one in asked]
    assert units["blob"].null_count == 0
    assert "model" not in units.column_names


def test_gold_is_of_other_questions_and_withdrawn_images_are_asked_about_no_more(
    sampled: Workspace,
) -> None:
    run = open_run(sampled.url)
    before = rated_asked(run, RATING_ROUND)
    others = [
        row.response_id
        for row in sampled.table(RESPONSES).rows()
        if row.response_id not in {one.unit_id for one in before}
    ]
    known = [before[0].unit_id, *others]
    rows = [GoldRating(response_id=key, rating=5, source="f", version=1) for key in known]
    sampled.table(GOLD_RATINGS).append(rows, "test")
    assert draw_rating_gold(run, RATING_ROUND) == 4
    assert draw_rating_gold(run, RATING_ROUND) == 0
    asked = rated_asked(run, RATING_ROUND)
    gold = {one.unit_id for one in asked if one.purpose is Purpose.GOLD}
    assert gold < set(others)
    assert len(gold) == 4
    image = before[0].image_id
    withdraw_image(sampled, image, "asked", "test")
    left = rated_asked(run, RATING_ROUND)
    assert image not in {one.image_id for one in left}
    assert {one.image_id for one in left} == {one.image_id for one in asked} - {image}
    assert image in {row.image_id for row in sampled.table(QUESTIONS).rows()}


def test_too_few_raters_are_told() -> None:
    assert "1 person rates" in rater_notes(1)[0]
    assert "2 people rate" in rater_notes(2)[0]
    assert rater_notes(3) == []
