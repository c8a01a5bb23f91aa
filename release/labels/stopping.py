"""Whether labels that rest on few votes are as sure as `until` claims, by the control sample.

The sentences of the control sample that got all votes are replayed (`release.labels.replay`): of
those labels at which asking would have stopped, how many are the label that all votes make? The
votes of then are among all votes, so this is agreement with the full label, and not with the truth.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alignbench.release.agreement.intervals import Interval, intervals
from alignbench.release.columns.cells import Cell
from alignbench.release.columns.joins import looked_up
from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.replay import Stops, replay, replayed_votes
from alignbench.release.labels.smoothed import SmoothedFit, VoteArrays, smoothed_fit
from alignbench.release_format.manifest import RoundRecord

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STOPPING_TABLE: Final = "until_check"
_COLUMNS: Final = ("sentence_id", "annotator", "round", "verdict", "in_control")
_VOTES: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in _COLUMNS[:4]),
        pa.field("in_control", pa.bool_()),
        pa.field("image_id", pa.string()),
    ]
)
_DIGITS: Final = 6
_ANY: Final = "any"


class Claim(NamedTuple):
    """Labels of the control sample at which asking would have stopped.

    Attributes:
        votes: The number of votes at which it would; None for all numbers together.
        share: Of the sentences, how many would have been settled so.
        claimed: Mean confidence of these labels.
        same: How many of them are the label that all votes make, with an interval over images.
    """

    votes: int | None
    share: float
    claimed: float
    same: Interval


class UntilCheck(NamedTuple):
    """What the control sample of a round says of its `until`.

    Attributes:
        round: The round.
        rule: How many votes it asked for.
        sentences: Sentences of the control sample that have all their votes.
        ends: How likely asking would have ended with so many votes; by number, from `first` on.
        claims: By number of votes, and last all together; no number at which nothing stopped.
    """

    round: str
    rule: RoundRecord
    sentences: int
    ends: Mapping[int, float]
    claims: Sequence[Claim]

    @property
    def together(self) -> Claim | None:
        """All labels at which asking would have stopped; None if it never would have."""
        return self.claims[-1] if self.claims else None

    @property
    def mean_votes(self) -> float | None:
        """How many votes a sentence would have got on average; None without a sentence."""
        if not self.sentences:
            return None
        return sum(votes * share for votes, share in self.ends.items())

    @property
    def holds(self) -> bool | None:
        """Whether as many labels are right as `until` claims; None where that cannot be told."""
        if self.together is None or self.rule.until is None:
            return None
        high = float(self.together.same.high)
        value = float(self.together.same.value)
        if math.isnan(high):
            return None if value < self.rule.until else True
        return high >= self.rule.until

    def further_votes(self, votes: int) -> float | None:
        """Returns how many further votes a sentence in doubt is likely to need.

        Args:
            votes: How many it has, at which it is in doubt.

        Returns:
            None where no sentence of the control sample was in doubt at that number.
        """
        later = {number: share for number, share in self.ends.items() if number > votes}
        total = sum(later.values())
        if total <= 0:
            return None
        return sum((number - votes) * share for number, share in later.items()) / total


class StoppingVotes:
    """Votes from which it is told how sure labels are that rest on few of them.

    All votes are held, as they are when labels are made by everybody's error rates.
    """

    def __init__(self, rounds: Mapping[str, RoundRecord]) -> None:
        """Makes it empty; of rounds that asked for equally many votes everywhere it holds none."""
        self._rules = {name: rule for name, rule in rounds.items() if rule.until is not None}
        self._tables = [_VOTES.empty_table()]

    def add(self, sentences: pa.Table, votes: pa.Table) -> None:
        """Takes votes.

        Args:
            sentences: With `sentence_id` and `image_id`.
            votes: All votes on them, with `in_control` of the round that each was given in.
        """
        if not self._rules or not len(votes):
            return
        images = looked_up(votes["sentence_id"], sentences, "sentence_id")["image_id"]
        table = votes.select(list(_COLUMNS)).append_column("image_id", images)
        self._tables.append(table.cast(_VOTES))

    def checks(self) -> list[UntilCheck]:
        """Returns what is told of each round that asked for votes as they were needed."""
        order = [(name, "ascending") for name in ("sentence_id", "round", "annotator")]
        votes = pa.concat_tables(self._tables).sort_by(order)
        names = set(pc.unique(votes["round"]).to_pylist()) & self._rules.keys()
        if not names:
            return []
        annotators, verdicts, fit = _fit(votes)
        votes = votes.append_column("who", pa.array(annotators))
        votes = votes.append_column("said", pa.array(verdicts))
        return [_check(name, self._rules[name], votes, fit) for name in sorted(names)]


def until_rows(checks: Sequence[UntilCheck]) -> list[tuple[Cell, ...]]:
    """Returns the table of `statistics/`: a row for each number of votes, and one for any."""
    rows: list[tuple[Cell, ...]] = [
        (
            "round", "until", "votes", "control_sentences", "stopped", "claimed_confidence",
            "same_label", "same_label_low", "same_label_high", "mean_votes",
        )
    ]  # fmt: skip
    for check in checks:
        for claim in check.claims:
            figures = (claim.share, claim.claimed, *map(float, claim.same))
            rows.append((
                check.round, check.rule.until, claim.votes or _ANY, check.sentences,
                *map(_cell, figures),
                _cell(check.mean_votes) if claim.votes is None else None,
            ))  # fmt: skip
    return rows


def _fit(votes: pa.Table) -> tuple[Ints, Ints, SmoothedFit]:
    sentences, people = (
        votes[name].combine_chunks().dictionary_encode() for name in ("sentence_id", "annotator")
    )
    known = pa.array([verdict.value for verdict in VERDICTS])
    arrays = VoteArrays(
        sentences.indices.to_numpy().astype(np.int64),
        people.indices.to_numpy().astype(np.int64),
        pc.index_in(votes["verdict"], value_set=known).to_numpy().astype(np.int64),
    )
    fit = smoothed_fit(arrays, len(sentences.dictionary), len(people.dictionary))
    return arrays.annotators, arrays.verdicts, fit


def _check(name: str, rule: RoundRecord, votes: pa.Table, fit: SmoothedFit) -> UntilCheck:
    if rule.first is None or rule.most is None or rule.until is None:
        raise ValueError(f"round {name} does not say when it stops")
    own = votes.filter((pc.field("round") == name) & pc.field("in_control"))
    images, annotators, verdicts = _full(own, rule.most)
    stops = replay(fit, annotators, verdicts, first=rule.first, until=rule.until)
    numbers = [*range(rule.first, replayed_votes(rule.most, rule.first)), rule.most]
    count = len(images)
    ends = dict(zip(numbers, stops.weight.mean(axis=0).tolist(), strict=True)) if count else {}
    return UntilCheck(name, rule, count, ends, _claims(images, stops, numbers))


def _full(votes: pa.Table, most: int) -> tuple[list[str], Ints, Ints]:
    """Returns image, annotators and verdicts of the sentences with `most` votes or more.

    Of more, the first `most` in order of annotators count.
    """
    ids = votes["sentence_id"].to_numpy(zero_copy_only=False)
    _, starts, sizes = np.unique(ids.astype(np.str_), return_index=True, return_counts=True)
    places = starts[sizes >= most][:, None] + np.arange(most)[None]
    who, said = (votes[name].to_numpy().astype(np.int64) for name in ("who", "said"))
    images: list[str] = votes["image_id"].take(pa.array(places[:, 0], pa.int64())).to_pylist()
    return images, who[places], said[places]


def _claims(images: Sequence[str], stops: Stops, numbers: Sequence[int]) -> list[Claim]:
    if not images:
        return []
    _, groups = np.unique(np.array(images, dtype=np.str_), return_inverse=True)
    early = len(numbers) - 1  # with all votes nothing is claimed: asking ends in any case
    columns = [slice(place, place + 1) for place in range(early)]
    found = []
    for votes, chosen in [*zip(numbers, columns, strict=False), (None, slice(0, early))]:
        terms = np.stack([part[:, chosen].sum(axis=1) for part in stops], axis=-1)
        weight, _, claimed = terms.sum(axis=0).tolist()
        if weight <= 0:
            continue
        sums = np.zeros((groups.max() + 1, terms.shape[1]))
        np.add.at(sums, groups, terms)
        (same,) = intervals(sums, _same)
        found.append(Claim(votes, weight / len(images), claimed / weight, same))
    return found


def _same(sums: Floats) -> tuple[Floats, ...]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.asarray(sums[..., 1] / sums[..., 0]),)


def _cell(value: float | None) -> Cell:
    return None if value is None or math.isnan(value) else round(value, _DIGITS)
