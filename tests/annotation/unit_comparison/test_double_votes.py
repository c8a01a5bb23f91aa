"""Which votes are compared, and the verb that does it."""

import json
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from alignbench.annotation.rounds.withdrawal import exclude_annotator
from alignbench.annotation.unit_comparison.double_votes import double_votes
from alignbench.cli.app import app
from alignbench.schemas.rows.annotation import Gold, Round
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import ANNOTATIONS, GOLD, ROUNDS, SENTENCES
from alignbench.schemas.vocabulary import AnnotationUnit, HallucinationType, RoundForm, Verdict
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.annotation.answers import Answers
from tests.annotation.workspaces import prepare

GREY = Span(start=2, end=6, text="grey", type=HallucinationType.ATTRIBUTE)
ALONE = Round(
    round="alone", form=RoundForm.QUEUES, unit=AnnotationUnit.SENTENCE, first=1, most=1, until=None,
    control_share=1.0,
)  # fmt: skip
WHOLE = replace(ALONE, round="whole", unit=AnnotationUnit.CAPTION)


def give(
    answers: Answers,
    name: str,
    sentence: Sentence,
    verdict: Verdict | None,
    spans: tuple[Span, ...] = (),
    on: Round = WHOLE,
    seconds: float = 10.0,
) -> None:
    row = answers.row(
        name, sentence.sentence_id, verdict, spans=spans, round_name=on.round, seconds=seconds
    )
    unit_id = sentence.pair_id if on is WHOLE else None
    answers.workspace.table(ANNOTATIONS).append(
        [replace(row, unit=on.unit, unit_id=unit_id)], "test"
    )


def answered(root: Path, images: int = 6) -> Answers:
    """Three sentences an image, of which the first is wrong; in captions half of that is missed."""
    workspace = prepare(root, images=images).workspace
    workspace.table(ROUNDS).append([ALONE, WHOLE], "test")
    answers = Answers(workspace)
    rows = sorted(workspace.table(SENTENCES).rows(), key=lambda row: row.sentence_id)
    places: dict[str, int] = {}
    for row in rows:
        image = places.setdefault(row.image_id, len(places))
        is_wrong = row.sentence_index == 0
        alone = (Verdict.INCORRECT, (GREY,)) if is_wrong else (Verdict.CORRECT, ())
        whole = alone if image % 2 else (Verdict.CORRECT, ())
        give(answers, "ann", row, *alone, ALONE, seconds=900.0)
        give(answers, "bob", row, *whole, WHOLE, seconds=4.0)
    wrong = [
        Gold(sentence_id=r.sentence_id, verdict=Verdict.INCORRECT, spans=(GREY,), source="t",
             version=1)
        for r in rows if r.sentence_index == 0
    ]  # fmt: skip
    workspace.table(GOLD).append(wrong, "test")
    return answers


def test_times_are_capped_and_actions_counted_from_the_answer(tmp_path: Path) -> None:
    votes = double_votes(answered(tmp_path).workspace, cap=300.0)
    assert len(votes) == 18
    first = next(one for one in votes if one.position == 0 and one.in_caption[0].marks)
    [alone], [in_caption] = first.alone, first.in_caption
    assert (alone.seconds, in_caption.seconds) == (300.0, 4.0)
    assert alone.actions == 4  # the verdict, a key and a word, submit
    assert in_caption.actions == 2 + 2 / 3  # a key and a word; one key and submit for three
    assert first.known is not None


def test_who_does_not_count_is_not_compared(tmp_path: Path) -> None:
    workspace = answered(tmp_path).workspace
    exclude_annotator(workspace, "bob", "guesses", "test")
    assert double_votes(workspace, cap=300.0) == []


def test_the_newest_answer_on_each_page_counts(tmp_path: Path) -> None:
    answers = answered(tmp_path, images=1)
    sentence = next(iter(answers.workspace.table(SENTENCES).rows()))
    give(answers, "bob", sentence, Verdict.UNKNOWN)
    give(answers, "mei", sentence, None)  # a skip
    [one] = [
        one
        for one in double_votes(answers.workspace, cap=300.0)
        if one.in_caption[0].verdict is Verdict.UNKNOWN
    ]
    assert [vote.annotator for vote in one.in_caption] == ["bob"]
    assert [vote.annotator for vote in one.alone] == ["ann"]


def test_the_verb_says_what_the_figures_show(tmp_path: Path) -> None:
    answered(tmp_path)
    (tmp_path / "alignbench.toml").write_text("")
    verb = ["-C", str(tmp_path), "annotators", "compare-units"]
    told = CliRunner().invoke(app, verb)
    assert told.exit_code == 0, told.output
    assert "18 sentences of 6 images" in told.output
    assert "is undecided: ask by sentence" in told.output
    found = json.loads(CliRunner().invoke(app, [*verb, "--margin", "0.5", "--json"]).output)
    by_name = {figure["name"]: figure for figure in found["figures"]}
    missed = by_name["known errors that are called correct"]
    assert (missed["sentence"], missed["caption"], missed["sentences"]) == (0.0, 0.5, 6)
    assert missed["outcome"] == "undecided"
    assert by_name["said to be incorrect"]["outcome"] == "not worse"
    assert by_name["said to be incorrect"]["difference"] == -1 / 6
    assert found["outcome"] == "undecided"
    assert found["positions"][0] == {
        "position": 1,
        "sentences": 6,
        "incorrect": {"sentence": 1.0, "caption": 0.5},
        "known_incorrect": 6,
        "missed": {"sentence": 0.0, "caption": 0.5},
    }


def test_without_sentences_asked_both_ways_the_verb_says_how_to_ask(tmp_path: Path) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    workspace.table(ROUNDS).append([ALONE], "test")
    (tmp_path / "alignbench.toml").write_text("")
    told = CliRunner().invoke(app, ["-C", str(tmp_path), "annotators", "compare-units"])
    assert told.exit_code != 0
    assert "No sentence" in str(told.exception) + told.output
