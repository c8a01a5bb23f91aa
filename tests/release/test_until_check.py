"""Whether labels on few votes are as sure as `until` claims: told from the control sample."""

from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from alignbench.flows.team.until_lines import until_lines
from alignbench.release.agreement.intervals import Interval
from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.replay import replay
from alignbench.release.labels.smoothed import VoteArrays, smoothed_fit
from alignbench.release.labels.stopping import Claim, StoppingVotes, UntilCheck, until_rows
from alignbench.release.verify.verify import verify
from alignbench.release_format.manifest import RoundRecord
from alignbench.workspace.stores.local import LocalStore
from tests.release.adaptive import adaptive_release
from tests.release.benchmark import released_folder
from tests.release.corruption import change_text

RULE = RoundRecord(first=2, most=5, until=0.98, control_share=0.1)
Ints = npt.NDArray[np.int64]


def honest(sentences: int, seed: int = 0) -> Ints:
    """Returns votes of five people who err by themselves: one row a sentence."""
    draw = np.random.default_rng(seed)
    truth = (draw.random(sentences) < 0.25).astype(np.int64)[:, None]
    wrong = draw.random((sentences, 5)) < 0.06
    return np.where(wrong, 1 - truth, truth)


def check_of(table: Ints, rule: RoundRecord = RULE, control: float = 1.0) -> UntilCheck:
    sentences, people = table.shape
    ids = [f"{k:032x}" for k in range(sentences)]
    images = [f"i{k // 3}" for k in range(sentences)]
    inside = [k // 3 < control * sentences / 3 for k in range(sentences)]
    votes = pa.table({
        "sentence_id": np.repeat(ids, people),
        "annotator": np.tile([f"A{k:03d}" for k in range(people)], sentences),
        "round": ["1"] * table.size,
        "verdict": [VERDICTS[said].value for said in table.ravel()],
        "in_control": np.repeat(inside, people),
    })  # fmt: skip
    stopping = StoppingVotes({"1": rule})
    stopping.add(pa.table({"sentence_id": ids, "image_id": images}), votes)
    (found,) = stopping.checks()
    return found


def test_a_replay_is_the_mean_over_all_orders_of_the_votes() -> None:
    table = honest(12, seed=3)
    table[:4, 2] = 2
    places = np.tile(np.arange(5), (12, 1))
    arrays = VoteArrays(np.repeat(np.arange(12), 5), places.ravel(), table.ravel())
    fit = smoothed_fit(arrays, 12, 5)
    found = replay(fit, places, table, first=2, until=0.9)
    assert np.allclose(found.weight.sum(axis=1), 1)
    for sentence in range(12):
        ends = np.zeros(4)
        for order in permutations(range(5)):
            for size in range(2, 6):
                seen = list(order[:size])
                logs = fit.log_prevalence + fit.log_likelihood[seen, table[sentence, seen]].sum(0)
                chances = np.exp(logs) / np.exp(logs).sum()
                if chances.max() >= 0.9 or size == 5:
                    ends[size - 2] += 1 / 120
                    break
        assert found.weight[sentence] == pytest.approx(ends)


def test_a_claim_that_people_keep_holds() -> None:
    check = check_of(honest(1500))
    assert check.sentences == 1500
    together = check.together
    assert together is not None
    assert together.share > 0.5
    assert together.claimed >= 0.98
    assert check.holds is True
    assert 2 < (check.mean_votes or 0) < 4
    assert not any("WARNING" in line for line in until_lines(check))


def with_agreement(value: float, low: float, high: float) -> UntilCheck:
    same = Interval(*(np.array(bound) for bound in (value, low, high)))
    claim = Claim(None, share=0.9, claimed=0.985, same=same)
    return UntilCheck("1", RULE, 500, {2: 0.7, 3: 0.2, 5: 0.1}, [claim])


def test_a_claim_that_lies_above_the_interval_is_warned_of() -> None:
    check = with_agreement(0.95, 0.93, 0.965)
    assert check.holds is False
    said, warning = until_lines(check)
    assert "claim 98.5% and are the label of all 5 votes in 95.0% (93.0% to 96.5%)" in said
    assert "2.50 votes a sentence" in said
    assert warning.startswith("WARNING: until = 0.98 claims more than round 1 keeps")


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ((0.97, 0.95, 0.985), True),  # the interval reaches it
        ((1.0, float("nan"), float("nan")), True),  # all are the same, so there is no interval
        ((0.9, float("nan"), float("nan")), None),  # of fewer than five images
    ],
)
def test_a_claim_is_refuted_only_by_an_interval(
    figures: tuple[float, float, float], holds: bool | None
) -> None:
    check = with_agreement(*figures)
    assert check.holds is holds
    assert len(list(until_lines(check))) == 1


def test_only_sentences_of_the_sample_that_have_all_their_votes_are_replayed() -> None:
    assert check_of(honest(300), control=0.2).sentences == 60
    assert check_of(honest(300)[:, :4]).sentences == 0
    (line,) = until_lines(check_of(honest(300)[:, :4]))
    assert "0 sentences of the control sample have all 5 votes" in line


def test_more_votes_are_reckoned_from_where_the_sample_ended() -> None:
    check = check_of(honest(1500))
    by_two, by_four = check.further_votes(2), check.further_votes(4)
    assert by_two is not None
    assert 1 <= by_two <= 3
    assert by_four == pytest.approx(1)
    assert check.further_votes(5) is None


def test_many_votes_are_replayed_in_part() -> None:
    table = np.tile(honest(40), (1, 4))[:, :12]
    check = check_of(table, RoundRecord(first=2, most=12, until=0.98, control_share=0.1))
    assert check.sentences == 40
    assert sum(check.ends.values()) == pytest.approx(1)
    assert list(check.ends)[-1] == 12


def test_the_table_has_a_row_for_each_number_of_votes_and_one_for_any() -> None:
    heading, *rows = until_rows([check_of(honest(1500))])
    found = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [row["votes"] for row in found] == [2, 3, 4, "any"]
    early = sum(row["stopped"] for row in found[:-1])
    assert early == pytest.approx(found[-1]["stopped"], abs=1e-5)
    assert found[-1]["same_label_low"] < found[-1]["same_label"] < found[-1]["same_label_high"]


def test_a_release_has_the_table_and_a_changed_one_is_named(tmp_path: Path) -> None:
    folder = released_folder(adaptive_release(LocalStore(tmp_path)))
    lines = (folder / "statistics/until_check.csv").read_text().splitlines()
    assert lines[0].startswith("round,until,votes,control_sentences,stopped,claimed_confidence")
    assert lines[-1].startswith("1,0.9,any,")
    change_text(folder, "statistics/until_check.csv", "any", "all")
    assert set(verify(folder).broken) == {"R22"}
