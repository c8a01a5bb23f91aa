"""`questions check`: which questions in other words people are asked about, and what follows."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alignbench.annotation.pulling.checker_reports import checker_reports
from alignbench.annotation.rounds.withdrawal import (
    exclude_annotator,
    withdraw_annotator,
    withdraw_image,
)
from alignbench.cli.app import app
from alignbench.flows.asking.checked_units import checked_asked, checked_units, draw_variant_gold
from alignbench.flows.push import unsent_notes
from alignbench.flows.questions.respond import respond
from alignbench.flows.runs.errors import NothingToCheckError
from alignbench.flows.runs.run import open_run
from alignbench.flows.selected.questions import selected_questions
from alignbench.flows.status import workspace_status
from alignbench.schemas.errors import UsageError
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.rows.questions import Variant, VariantCheck
from alignbench.schemas.tables import QUESTIONS, ROUNDS, VARIANT_CHECKS, VARIANTS
from alignbench.schemas.vocabulary import (
    VARIANT_ROUND,
    AnnotationStatus,
    AnnotationUnit,
    Meaning,
    Purpose,
    RoundForm,
    StageName,
)
from alignbench.workspace.workspace import Workspace, open_workspace
from tests.flows.question_roads import by_model, entry, question, workspace
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, running, said

CLUSTERS = 6
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def written(asked: Asked) -> Reply:
    """A writer whose last question is refused by the model that checks it."""
    number = asked.text.partition("How many cats? (")[2].partition(")")[0]
    style = asked.text.partition("Style: ")[2].partition(chr(10))[0]
    return said(f"{'Would you kindly count' if style == 'formal' else 'Say, do I see'} {number}?")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running() as found:
        found.script = by_model({
            "writer": written, "vlm": lambda _: said("Two."),
            "critic": lambda asked: said("no" if " 10?" in asked.text else "yes"),
        })  # fmt: skip
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: ModelServer) -> Workspace:
    url = server.base_url
    config = [
        entry("captioners", "vlm", url),
        entry("rewriters", "writer", url, styles=["formal", "plain"], checked_by="critic"),
        entry("judges", "critic", url),
        '[annotation]\ngold = "gold.jsonl"\ngold_share = 0.2\n',
    ]
    asked = [question(2 * number) for number in range(CLUSTERS)]
    opened = workspace(tmp_path_factory.mktemp("made") / "w", "\n".join(config), asked)
    (Path(opened.url) / "gold.jsonl").write_text("")
    done = verb(opened, "rewrite")
    assert done.exit_code == 0, done.output
    return opened


@pytest.fixture
def rewritten(tmp_path: Path, made: Workspace) -> Workspace:
    """Six questions in two styles each: twelve in other words, of which two are refused."""
    return open_workspace(shutil.copytree(made.url, tmp_path / "w"))


def verb(opened: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["-C", opened.url, *arguments])


def variants(opened: Workspace, *, refused: bool = False) -> list[Variant]:
    rows = opened.table(VARIANTS).rows()
    return sorted(
        (row for row in rows if (row.code is not None) == refused), key=lambda row: row.variant_id
    )


def answer(
    opened: Workspace,
    variant_id: str,
    annotator: str,
    meaning: Meaning | None,
    purpose: Purpose = Purpose.LABEL,
) -> None:
    number = opened.table(VARIANT_CHECKS).count()
    row = VariantCheck(
        server="s", project_id=1, annotation_id=number, variant_id=variant_id, task_id=number,
        round=VARIANT_ROUND, purpose=purpose, annotator=annotator, meaning=meaning,
        reason="why", flags=(), updated_by=None, text_sha256="0", lead_seconds=3.0,
        status=AnnotationStatus.SKIPPED if meaning is None else AnnotationStatus.SUBMITTED,
        annotated_at=NOW, updated_at=NOW,
    )  # fmt: skip
    opened.table(VARIANT_CHECKS).append([row], "test")


def test_a_draw_is_added_to_and_never_changed(rewritten: Workspace) -> None:
    told = verb(rewritten, "questions", "check", "4", "--people", "1")
    assert (
        "4 in other words drawn for round variants, which asks 1 person about each" in told.output
    )
    assert "'alignbench push --round variants'" in told.output
    [form] = rewritten.table(ROUNDS).rows()
    assert (form.unit, form.first, form.most) == (AnnotationUnit.VARIANT, 1, 1)
    run = open_run(rewritten.url)
    first = checked_asked(run, VARIANT_ROUND)
    assert "0 in other words drawn" in verb(rewritten, "questions", "check", "4").output
    assert "6 in other words drawn" in verb(rewritten, "questions", "check").output
    every = checked_asked(run, VARIANT_ROUND)
    assert {one.unit_id for one in first} < {one.unit_id for one in every}
    assert {one.unit_id for one in every} == {row.variant_id for row in variants(rewritten)}
    images = [one.image_id for one in every]
    assert images == sorted(images), "those about an image come one after another"
    units = checked_units(run, VARIANT_ROUND)
    assert units["blob"].null_count == 0
    pushed = [one for one in workspace_status(rewritten.url).counts if one.stage is StageName.PUSH]
    assert [(one.scope, one.pending) for one in pushed] == [("writer, round variants", 10)]
    assert "alignbench push --round variants" in unsent_notes(run, "1")[0]
    assert unsent_notes(run, VARIANT_ROUND) == []


def test_a_round_asks_about_one_thing_and_as_many_people_as_it_was_begun_with(
    rewritten: Workspace,
) -> None:
    verb(rewritten, "questions", "check", "4")
    other = verb(rewritten, "questions", "check", "--people", "2")
    assert isinstance(other.exception, UsageError)
    assert "asks 3 people about each variant" in str(other.exception)
    bad = verb(rewritten, "questions", "check", "--round", "adjudication")
    assert isinstance(bad.exception, UsageError)
    of_sentences = Round(
        round="1", form=RoundForm.QUEUES, unit=AnnotationUnit.SENTENCE, first=3, most=3,
        until=None, control_share=1.0,
    )  # fmt: skip
    rewritten.table(ROUNDS).append([of_sentences], "test")
    taken = verb(rewritten, "questions", "check", "--round", "1")
    assert "asks people about sentences" in str(taken.exception)


def test_without_a_question_in_other_words_nothing_can_be_drawn(
    tmp_path: Path, server: ModelServer
) -> None:
    opened = workspace(tmp_path / "w", entry("captioners", "vlm", server.base_url), [question(0)])
    assert isinstance(verb(opened, "questions", "check").exception, NothingToCheckError)


def test_what_people_refuse_is_asked_no_more_and_said(rewritten: Workspace) -> None:
    gone, kept, tied, *_ = (row.variant_id for row in variants(rewritten))
    for name in ("ann", "bob"):
        answer(rewritten, gone, name, Meaning.DIFFERENT)
        answer(rewritten, kept, name, Meaning.SAME)
    answer(rewritten, tied, "ann", Meaning.DIFFERENT)
    answer(rewritten, tied, "bob", Meaning.UNKNOWN)
    answer(rewritten, tied, "cat", None)
    asked = selected_questions(open_run(rewritten.url))
    assert gone not in asked
    assert {kept, tied} < asked.keys()
    report = respond.fn(rewritten.url)
    assert report.made == CLUSTERS + 9
    assert "1 question in other words is left out" in "".join(report.notes)
    assert "AB-E43" in "".join(report.notes)
    exclude_annotator(rewritten, "ann", "", "test")
    assert gone not in selected_questions(open_run(rewritten.url))
    told = withdraw_annotator(rewritten, "bob", "", "test")
    assert told.answers == 3
    assert gone in selected_questions(open_run(rewritten.url))
    rows = {row.annotator: row for row in rewritten.table(VARIANT_CHECKS).rows()}
    assert (rows["bob"].meaning, rows["bob"].reason) == (None, None)


def test_gold_is_mixed_in_and_measures_who_checks(rewritten: Workspace) -> None:
    same, different = variants(rewritten)[0], variants(rewritten, refused=True)[0]
    known = {same.variant_id: Meaning.SAME, different.variant_id: Meaning.DIFFERENT}
    lines = [json.dumps({"variant_id": key, "meaning": known[key]}) for key in known]
    gold = Path(rewritten.url) / "gold.jsonl"
    gold.write_text("\n".join(lines))
    assert "9 in other words drawn" in verb(rewritten, "questions", "check").output
    run = open_run(rewritten.url)
    assert draw_variant_gold(run, VARIANT_ROUND) == 2
    assert draw_variant_gold(run, VARIANT_ROUND) == 0
    asked = {one.unit_id: one.purpose for one in checked_asked(run, VARIANT_ROUND)}
    assert {key for key, why in asked.items() if why is Purpose.GOLD} == set(known)
    assert len(asked) == 9 + 2
    for key in known:
        answer(rewritten, key, "ann", Meaning.SAME, Purpose.GOLD)
    [report] = checker_reports(rewritten)
    assert (report.checks, report.gold_checks, report.gold_right) == (2, 2, 0.5)
    listed = json.loads(verb(rewritten, "annotators", "list", "--json").output)
    assert [(one["annotator"], one["unit"]) for one in listed] == [("ann", "variant")]
    assert "50%" in verb(rewritten, "annotators", "list").output
    gold.write_text('{"variant_id": "nowhere", "meaning": "same"}')
    assert "no variant nowhere" in str(verb(rewritten, "questions", "check").exception)
    gold.write_text('{"variant_id": "nowhere", "meaning": "alike"}')
    assert "gold sentence, answer or variant" in str(
        verb(rewritten, "questions", "check").exception
    )


def test_nobody_is_asked_about_a_withdrawn_image(rewritten: Workspace) -> None:
    verb(rewritten, "questions", "check")
    run = open_run(rewritten.url)
    image = next(iter(rewritten.table(QUESTIONS).rows())).image_id
    assert image is not None
    assert image in {one.image_id for one in checked_asked(run, VARIANT_ROUND)}
    withdraw_image(rewritten, image, "asked", "test")
    assert image not in {one.image_id for one in checked_asked(run, VARIANT_ROUND)}
