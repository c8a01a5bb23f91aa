"""Which sentences a round has: a sample that is drawn once, and gold mixed into it.

What was drawn stands in table `round_sentences`, so that the same command draws nothing more, and a
larger sample only adds to it. A round without a drawn sample has every sentence that is selected.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import UnknownModelError
from alignbench.annotation.rounds.drawn_units import (
    DRAWN_FROM,
    DrawnUnit,
    drawn_units,
    of_same_cuts,
    whole_units,
)
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows.annotation import RoundSentence
from alignbench.schemas.tables import GOLD, ROUND_SENTENCES, SENTENCES, TASKS
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, Stratum, WithdrawnKind
from alignbench.workspace.selection import Selection
from alignbench.workspace.workspace import Workspace

_LAST_POSITION = 6
_DRAWN = ("sentence_id", "purpose")


@dataclass(frozen=True, slots=True)
class Draw:
    """What a round is to have.

    Attributes:
        models: Only sentences of these models; all if empty.
        sample: How many of them; all if None.
        stratify: What the sample is to represent: of each value, and each combination of values, it
            has the same share as the whole (the largest remainders get what rounding leaves over).
        unit: What the round asks about at once. Captions are drawn whole, so that a sample may have
            some sentences more than was asked for.

    Raises:
        UsageError: Captions are to represent positions, and each has them all.
    """

    models: tuple[str, ...] = ()
    sample: int | None = None
    stratify: tuple[Stratum, ...] = ()
    unit: AnnotationUnit = AnnotationUnit.SENTENCE

    def __post_init__(self) -> None:
        """Checks that the unit has what is stratified by."""
        if self.unit is AnnotationUnit.CAPTION and Stratum.POSITION in self.stratify:
            raise UsageError(
                "A round of whole captions cannot be stratified by position: each has them all.",
                "Leave position out of --stratify.",
            )

    def is_everything(self) -> bool:
        """Tells whether there is nothing to draw: the round has every selected sentence."""
        return not self.models and self.sample is None


class RoundMembers(NamedTuple):
    """The sentences of a round.

    Attributes:
        drawn: Ids of its sample; None if it has every selected sentence.
        gold: Ids of its gold sentences, selected or not; none of them is answered for a label.
        withdrawn_images: Ids of images whose sentences nobody should see any more.
        beside_gold: The other sentences of the captions that hold gold, where captions stand whole:
            gold by itself would be known for what it is.
    """

    drawn: pa.Array | None
    gold: pa.Array
    withdrawn_images: pa.Array
    beside_gold: pa.Array = pa.array([], pa.string())

    def filter(self, selection: Selection) -> pc.Expression:
        """Returns the filter for the round's sentences in table `sentences`."""
        ours = selection.sentences()
        if self.drawn is not None:
            ours &= pc.field("sentence_id").isin(self.drawn)
        if len(self.gold):
            with_others = pa.concat_arrays([self.gold, self.beside_gold])
            ours |= pc.field("sentence_id").isin(with_others)
        if len(self.withdrawn_images):
            ours &= ~pc.field("image_id").isin(self.withdrawn_images)
        return ours


def round_members(
    workspace: Workspace, round_name: str, unit: AnnotationUnit = AnnotationUnit.SENTENCE
) -> RoundMembers:
    """Returns the sentences of a round, as they were drawn.

    Args:
        workspace: Where they are.
        round_name: The round.
        unit: What it asks about at once.
    """
    drawn = _drawn(workspace, round_name)
    sample = drawn.filter(pc.field("purpose") == Purpose.LABEL.value)
    gold = drawn.filter(pc.field("purpose") == Purpose.GOLD.value)["sentence_id"].combine_chunks()
    members = RoundMembers(
        sample["sentence_id"].combine_chunks() if len(sample) else None,
        gold,
        withdrawn_ids(workspace, WithdrawnKind.IMAGE),
    )
    if not len(gold):
        return members
    stand_whole = unit is AnnotationUnit.CAPTION or members.drawn is None
    if not stand_whole and not _has_whole_captions(workspace, sample, drawn):
        return members
    of_gold = pc.field("sentence_id").isin(gold)
    whole = _gold_candidates(workspace, of_gold, AnnotationUnit.CAPTION)["sentence_id"]
    others = whole.filter(pc.invert(pc.is_in(whole, value_set=gold)))
    return members._replace(beside_gold=others.combine_chunks())


def draw_sample(
    workspace: Workspace, selection: Selection, round_name: str, draw: Draw, run_id: str
) -> int:
    """Draws what a round still lacks of its sample, by a hash of round and unit.

    The round's gold is no part of what is drawn from.

    Args:
        workspace: Where the sentences are.
        selection: Which of them count now.
        round_name: The round.
        draw: What it is to have.
        run_id: Stamped on the rows.

    Returns:
        How many sentences were drawn now.

    Raises:
        UnknownModelError: No selected sentence is of one of the models.
    """
    units = _free_units(workspace, selection, round_name, draw)
    strata = _strata(units, draw.stratify)
    sizes, before, free = Counter[str](), Counter[str](), defaultdict[str, list[DrawnUnit]](list)
    for unit in sorted(units, key=lambda unit: derive_id(round_name, unit.unit_id)):
        stratum = strata[unit.unit_id]
        sizes[stratum] += len(unit.sentence_ids)
        if unit.is_drawn:
            before[stratum] += len(unit.sentence_ids)
        else:
            free[stratum].append(unit)
    wanted = sizes.total() if draw.sample is None else min(draw.sample, sizes.total())
    shares = proportional(sizes, wanted)
    lacking = {stratum: max(0, share - before[stratum]) for stratum, share in shares.items()}
    # An earlier sample, drawn in other proportions, may hold more of some stratum than its share.
    missing = min(sum(lacking.values()), max(0, wanted - before.total()))
    rows = [
        RoundSentence(
            round=round_name, sentence_id=sentence, purpose=Purpose.LABEL, stratum=stratum or None
        )
        for stratum, count in proportional(lacking, missing).items()
        for unit in whole_units(free[stratum], count)
        for sentence in unit.sentence_ids
    ]
    workspace.table(ROUND_SENTENCES).append(rows, run_id)
    return len(rows)


def draw_gold(
    workspace: Workspace,
    selection: Selection,
    round_name: str,
    share: float,
    run_id: str,
    draw: Draw = Draw(),
) -> int:
    """Draws gold sentences for a round, up to a share of its sentences; returns how many now.

    A sentence that was sent in this round to be labelled cannot be its gold, so gold is drawn
    before the sample beside which it stands.

    Args:
        workspace: Where the sentences are.
        selection: Which of them count now.
        round_name: The round.
        share: How many gold sentences there are to be, as a share of the round's sentences.
        run_id: Stamped on the rows.
        draw: What the round is about to have.

    Raises:
        UnknownModelError: No selected sentence is of one of the models.
    """
    gold = workspace.table(GOLD).read(["sentence_id"])["sentence_id"]
    if share <= 0 or not len(gold):
        return 0
    sent = workspace.table(TASKS).read(["sentence_id", "round"], pc.field("round") == round_name)
    drawn = _drawn(workspace, round_name)["sentence_id"]
    taken = {*drawn.to_pylist(), *sent["sentence_id"].to_pylist()}
    members = round_members(workspace, round_name, draw.unit)
    only = pc.field("sentence_id").isin(gold.combine_chunks())
    only &= ~pc.field("image_id").isin(members.withdrawn_images)
    usable = drawn_units(_gold_candidates(workspace, only, draw.unit), taken, draw.unit)
    known = set(gold.to_pylist())
    missing = round(share * _size(workspace, selection, members, draw)) - len(members.gold)
    rows: list[RoundSentence] = []
    # Gold of another model than the round is about would stand out: it comes last.
    usable.sort(key=lambda u: (u.model not in draw.models, derive_id(round_name, u.unit_id)))
    for unit in usable:
        if len(rows) >= missing:
            break
        if not unit.is_drawn and unit.unit_id not in taken:
            rows += [
                RoundSentence(round=round_name, sentence_id=sentence, purpose=Purpose.GOLD)
                for sentence in unit.sentence_ids
                if sentence in known
            ]
    workspace.table(ROUND_SENTENCES).append(rows, run_id)
    return len(rows)


def _gold_candidates(workspace: Workspace, only: pc.Expression, unit: AnnotationUnit) -> pa.Table:
    """Returns the gold sentences, and with captions as units the others of their captions."""
    columns = [*DRAWN_FROM, "generator_id", "image_id"]
    sentences = workspace.table(SENTENCES).read(columns, only)
    if unit is not AnnotationUnit.CAPTION:
        return sentences
    where = pc.field("pair_id").isin(pc.unique(sentences["pair_id"]))
    return of_same_cuts(workspace.table(SENTENCES).read(columns, where), sentences)


def _has_whole_captions(workspace: Workspace, sample: pa.Table, drawn: pa.Table) -> bool:
    """Tells whether a sample lacks nothing of its captions but gold, as all of a model's does."""
    columns = ["sentence_id", "pair_id", "splitter_id"]
    of_sample = pc.field("sentence_id").isin(sample["sentence_id"].combine_chunks())
    sampled = workspace.table(SENTENCES).read(columns, of_sample)
    of_their_pairs = pc.field("pair_id").isin(pc.unique(sampled["pair_id"]))
    whole = of_same_cuts(workspace.table(SENTENCES).read(columns, of_their_pairs), sampled)
    is_there = pc.is_in(whole["sentence_id"], value_set=drawn["sentence_id"].combine_chunks())
    return bool(pc.all(is_there).as_py())


def _size(workspace: Workspace, selection: Selection, members: RoundMembers, draw: Draw) -> int:
    """Returns how many sentences a round has, or is about to have, without gold drawn beside."""
    if not draw.is_everything():
        everything = len(_population(workspace, selection, draw.models))
        asked = everything if draw.sample is None else min(draw.sample, everything)
        return max(asked, 0 if members.drawn is None else len(members.drawn))
    none = pa.array([], pa.string())
    without_gold = members._replace(gold=none, beside_gold=none)
    columns = ["sentence_id", "generator_id", "splitter_id", "image_id"]
    ours = without_gold.filter(selection)
    return sum(len(batch) for batch in workspace.table(SENTENCES).scan(columns, ours))


def _free_units(
    workspace: Workspace, selection: Selection, round_name: str, draw: Draw
) -> list[DrawnUnit]:
    """Returns the units that a sample is made of: without those that hold gold of the round."""
    sentences = _population(workspace, selection, draw.models)
    drawn = _drawn(workspace, round_name)
    purpose_of = dict(zip(*(drawn[name].to_pylist() for name in _DRAWN), strict=True))
    gold = {key for key, why in purpose_of.items() if why == Purpose.GOLD}
    units = drawn_units(sentences, purpose_of.keys(), draw.unit)
    return [unit for unit in units if gold.isdisjoint(unit.sentence_ids)]


def _population(workspace: Workspace, selection: Selection, models: Sequence[str]) -> pa.Table:
    """Returns what a sample is drawn from, of these models or of all."""
    withdrawn = withdrawn_ids(workspace, WithdrawnKind.IMAGE)
    everything = RoundMembers(None, pa.array([], pa.string()), withdrawn).filter(selection)
    columns = [*DRAWN_FROM, "generator_id", "image_id"]
    sentences = workspace.table(SENTENCES).read(columns, everything)
    _check_models(models, pc.unique(sentences["model"]).to_pylist())
    if models:
        sentences = sentences.filter(pc.is_in(sentences["model"], pa.array(models)))
    return sentences


def proportional(sizes: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Deals out a sample over strata in proportion to their sizes, by largest remainder.

    Args:
        sizes: How many there are of each stratum.
        wanted: How many to take in all, at most their sum.

    Returns:
        How many to take of each stratum; never more than there are.
    """
    total = sum(sizes.values())
    if not total:
        return {}
    exact = {name: wanted * size / total for name, size in sizes.items()}
    shares = {name: int(value) for name, value in exact.items()}
    left = wanted - sum(shares.values())
    for name in sorted(exact, key=lambda name: (shares[name] - exact[name], name))[:left]:
        shares[name] += 1
    return shares


def _drawn(workspace: Workspace, round_name: str) -> pa.Table:
    of_round = pc.field("round") == round_name
    return workspace.table(ROUND_SENTENCES).read(["round", *_DRAWN], of_round)


def _strata(units: Sequence[DrawnUnit], stratify: Sequence[Stratum]) -> dict[str, str]:
    """Returns each unit's stratum by its id: the values of what is stratified by."""
    stratum_of: dict[str, str] = {}
    for unit in units:
        index = unit.sentence_index
        position = str(index + 1) if index + 1 < _LAST_POSITION else f"{_LAST_POSITION}+"
        values = {
            Stratum.MODEL: unit.model,
            Stratum.DIRECTION: unit.direction,
            Stratum.POSITION: position,
        }
        stratum_of[unit.unit_id] = ", ".join(values[name] for name in stratify)
    return stratum_of


def _check_models(asked: Iterable[str], known: Sequence[str]) -> None:
    for model in asked:
        if model not in known:
            raise UnknownModelError(
                f"No selected sentence is of a model {model!r}.",
                f"Known: {', '.join(sorted(known)) or 'none'}.",
            )
