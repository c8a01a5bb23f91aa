"""What a release says of votes that were asked for as they were needed, and that `verify` sees."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import alignbench
from alignbench.release.diff import diff_releases
from alignbench.release.verify.report import Rule
from alignbench.release.verify.verify import verify
from alignbench.workspace.stores.local import LocalStore
from tests.release.adaptive import adaptive_release
from tests.release.benchmark import released_folder
from tests.release.corruption import DATA, VOTES, change_rows, change_text, reseal
from tests.release.test_build import table_of

Row = dict[str, Any]


@pytest.fixture(scope="module")
def adaptive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released_folder(adaptive_release(LocalStore(tmp_path_factory.mktemp("adaptive"))))


@pytest.fixture(scope="module")
def rows(adaptive: Path) -> list[Row]:
    return table_of(adaptive)


def statistics(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "statistics" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_release_of_an_adaptive_round_verifies(adaptive: Path):
    assert verify(adaptive).findings == ()


def test_rows_say_how_many_votes_they_have_and_whether_they_were_asked_in_full(rows: list[Row]):
    assert {row["in_control"] for row in rows} == {True, False}
    for row in rows:
        assert row["n_votes"] == row["n_correct"] + row["n_incorrect"] + row["n_unknown"]
        assert (row["n_votes"] == 4) == row["in_control"]
    of_image: dict[str, set[bool]] = {}
    for row in rows:
        of_image.setdefault(row["image_id"], set()).add(row["in_control"])
    assert all(len(found) == 1 for found in of_image.values())


def test_ratio_and_agreement_of_a_row_that_was_settled_early_are_null(rows: list[Row]):
    for row in rows:
        assert (row["agreement_ratio"] is None) == (not row["in_control"])
        assert (row["fleiss_Pi"] is None) == (not row["in_control"])
        assert row["confidence"] is not None


def test_the_rule_stands_in_the_manifest_and_on_the_card(adaptive: Path):
    found = json.loads((adaptive / "release.json").read_text())["rounds"]
    assert list(found) == ["1"]
    assert (found["1"]["first"], found["1"]["most"], found["1"]["until"]) == (2, 4, 0.9)
    assert 0 < found["1"]["control_share"] < 1
    assert (found["1"]["guideline_ids"], found["1"]["label_schema_ids"]) == (["g0", "g1"], ["s"])
    card = (adaptive / "README.md").read_text()
    assert "Round `1` asked for votes as they were needed: 2 on every sentence" in card


def test_agreement_is_that_of_the_control_sample_alone(adaptive: Path, rows: list[Row]):
    inside = [row for row in rows if row["in_control"]]
    fleiss = statistics(adaptive, "fleiss_by_model")
    assert sum(int(row["N_items"]) for row in fleiss) == len(inside)
    agreement = statistics(adaptive, "agreement_by_model")[-1]
    assert (agreement["model"], int(agreement["sentences"])) == ("all", len(inside))
    assert int(agreement["votes"]) == 4 * len(inside)
    pairs = [r for r in statistics(adaptive, "annotator_pairs") if r["model"] == "all"]
    assert {int(row["sentences"]) for row in pairs} == {len(inside)}
    assert len(pairs) == 6  # four people, each pair of whom met on every sentence of the sample


def test_prevalence_is_told_of_all_rows_and_of_the_control_sample(adaptive: Path, rows: list[Row]):
    found = {
        row["sample"]: row
        for row in statistics(adaptive, "prevalence_on_control")
        if row["model"] == "total"
    }
    for sample, chosen in (("all", rows), ("control", [r for r in rows if r["in_control"]])):
        verdicts = [row["annotation"] for row in chosen]
        assert int(found[sample]["sentences"]) == len(chosen)
        share = 100 * verdicts.count("correct") / (len(verdicts) - verdicts.count("unknown"))
        assert float(found[sample]["positive_percent"]) == pytest.approx(share, abs=1e-5)


def test_a_round_that_asked_everywhere_in_full_has_every_row_in_control(released: Path):
    assert {row["in_control"] for row in table_of(released)} == {True}
    assert not (released / "statistics/prevalence_on_control.csv").exists()
    assert json.loads((released / "release.json").read_text())["rounds"]["1"]["until"] is None


def test_answers_to_gold_are_marked_and_count_in_no_label(adaptive: Path, rows: list[Row]):
    votes = table_of(adaptive, "annotations/*/*.parquet")
    gold = [row for row in votes if row["purpose"] == "gold"]
    assert gold
    assert {row["in_control"] for row in gold} == {True}
    record = json.loads((adaptive / "release.json").read_text())
    assert record["counts"]["by_split"]["test"]["gold"] == len(gold)
    assert record["counts"]["votes"] == sum(row["n_votes"] for row in rows)
    assert record["counts"]["annotators"] == 4  # who answered gold alone is none of them


def test_python_has_the_columns_by_name(adaptive: Path, rows: list[Row]):
    release = alignbench.open_release(adaptive)
    found = {s.sentence_id: (s.n_votes, s.in_control) for s in release.sentences()}
    assert found == {row["sentence_id"]: (row["n_votes"], row["in_control"]) for row in rows}
    assert "in_control" in release.votes().column_names


def inside(rows: list[Row]) -> Row:
    return next(row for row in rows if row["in_control"])


def outside(rows: list[Row]) -> Row:
    return next(row for row in rows if row["in_control"] is False)


def put_outside(rows: list[Row]) -> None:
    inside(rows).update(in_control=False, agreement_ratio=None, fleiss_Pi=None)


def put_inside(rows: list[Row]) -> None:
    row = outside(rows)
    counts = [row["n_correct"], row["n_incorrect"], row["n_unknown"]]
    pairs = sum(n * n for n in counts) - row["n_votes"]
    item = pairs / (row["n_votes"] * (row["n_votes"] - 1))
    ratio = max(counts) / row["n_votes"]
    row.update(in_control=True, agreement_ratio=ratio, fleiss_Pi=item)


def of_record(change: Callable[[Row], Any]) -> Callable[[Path], None]:
    def forged(folder: Path) -> None:
        path = folder / "release.json"
        record = json.loads(path.read_text())
        change(record["rounds"])
        path.write_text(json.dumps(record))
        reseal(folder)

    return forged


def of_rows(change: Callable[[list[Row]], Any], path: str = DATA) -> Callable[[Path], None]:
    return lambda folder: change_rows(folder, path, change)


FORGERIES: dict[str, tuple[Callable[[Path], None], Rule, str]] = {
    "a row more in control": (of_rows(put_inside), Rule.CONTROL, DATA),
    "a row less in control": (of_rows(put_outside), Rule.CONTROL, DATA),
    "a vote of the control sample": (
        of_rows(lambda rows: inside(rows).update(in_control=False), VOTES), Rule.CONTROL, VOTES,
    ),
    "a vote that says nothing": (
        of_rows(lambda rows: inside(rows).update(in_control=None), VOTES), Rule.CONTROL, VOTES,
    ),
    "a number of votes": (
        of_rows(lambda rows: rows[0].update(n_votes=rows[0]["n_votes"] + 1)), Rule.VOTES, DATA,
    ),
    "agreement of a row that was settled early": (
        of_rows(lambda rows: outside(rows).update(agreement_ratio=1.0, fleiss_Pi=1.0)),
        Rule.LABEL, DATA,
    ),
    "no agreement of a row in control": (
        of_rows(lambda rows: inside(rows).update(agreement_ratio=None)), Rule.LABEL, DATA,
    ),
    "gold that was a vote": (
        of_rows(
            lambda rows: next(r for r in rows if r["purpose"] == "gold").update(purpose="label"),
            VOTES,
        ),
        Rule.VOTES, DATA,
    ),
    "a share of the sample": (
        of_record(lambda rounds: rounds["1"].update(control_share=0.01)), Rule.CONTROL, DATA,
    ),
    "a round that asked in full": (
        of_record(lambda rounds: rounds["1"].update(until=None)), Rule.CONTROL, DATA,
    ),
    "guidelines that nobody read": (
        of_record(lambda rounds: rounds["1"].update(guideline_ids=["g0", "g9"])),
        Rule.CONTROL, "release.json",
    ),
    "guidelines of a vote": (
        of_rows(lambda rows: inside(rows).update(guideline_id="g9"), VOTES),
        Rule.CONTROL, "release.json",
    ),
    "a round less": (of_record(dict.clear), Rule.CONTROL, "release.json"),
    "a round more": (
        of_record(lambda rounds: rounds.update({"2": rounds["1"]})), Rule.CONTROL, "release.json",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_named(adaptive: Path, tmp_path: Path, name: str):
    forge, rule, file = FORGERIES[name]
    folder = tmp_path / "1.0.0"
    shutil.copytree(adaptive, folder)
    forge(folder)
    found = {(finding.rule, finding.file) for finding in verify(folder).findings}
    assert (rule, file) in found


def test_prevalence_on_control_is_checked(adaptive: Path, tmp_path: Path):
    folder = tmp_path / "1.0.0"
    shutil.copytree(adaptive, folder)
    change_text(folder, "statistics/prevalence_on_control.csv", "control", "chosen")
    assert set(verify(folder).broken) == {Rule.STATISTICS.value}


def test_a_change_of_what_was_asked_is_named(adaptive: Path, tmp_path: Path):
    folder = tmp_path / "1.0.0"
    shutil.copytree(adaptive, folder)
    change_rows(folder, DATA, lambda rows: inside(rows).update(in_control=False, n_votes=3))
    change_rows(folder, VOTES, lambda rows: inside(rows).update(in_control=False))
    found = diff_releases(str(adaptive), str(folder))
    assert found.columns == {"in_control": 1, "n_votes": 1, "votes": 1}
