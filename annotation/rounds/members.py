"""Which sentences a round has: a sample that is drawn once, and gold mixed into it.

What was drawn stands in table `round_sentences`, so that the same command draws nothing more, and a
larger sample only adds to it. A round without a drawn sample has every sentence that is selected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import UnknownModelError
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.ids import derive_id
from alignbench.schemas.rows import RoundSentence
from alignbench.schemas.tables import GOLD, ROUND_SENTENCES, SENTENCES, TASKS
from alignbench.schemas.vocabulary import Purpose, Stratum, WithdrawnKind
from alignbench.workspace.selection import Selection
from alignbench.workspace.workspace import Workspace

_LAST_POSITION = 6
_DRAWN = ("sentence_id", "purpose")
_DRAWN_FROM = ("sentence_id", "model", "direction", "sentence_index")


@dataclass(frozen=True, slots=True)
class Draw:
    """What a round is to have.

    Attributes:
        models: Only sentences of these models; all if empty.
        sample: How many of them; all if None.
        stratify: What the sample is to represent: of each value, and each combination of values, it
            has the same share as the whole (the largest remainders get what rounding leaves over).
    """

    models: tuple[str, ...] = ()
    sample: int | None = None
    stratify: tuple[Stratum, ...] = ()

    def is_everything(self) -> bool:
        """Tells whether there is nothing to draw: the round has every selected sentence."""
        return not self.models and self.sample is None


class RoundMembers(NamedTuple):
    """The sentences of a round.

    Attributes:
        drawn: Ids of its sample; None if it has every selected sentence.
        gold: Ids of its gold sentences, selected or not; none of them is answered for a label.
        withdrawn_images: Ids of images whose sentences nobody should see any more.
    """

    drawn: pa.Array | None
    gold: pa.Array
    withdrawn_images: pa.Array

    def filter(self, selection: Selection) -> pc.Expression:
        """Returns the filter for the round's sentences in table `sentences`."""
        ours = selection.sentences()
        if self.drawn is not None:
            ours &= pc.field("sentence_id").isin(self.drawn)
        if len(self.gold):
            ours |= pc.field("sentence_id").isin(self.gold)
        if len(self.withdrawn_images):
            ours &= ~pc.field("image_id").isin(self.withdrawn_images)
        return ours


def round_members(workspace: Workspace, round_name: str) -> RoundMembers:
    """Returns the sentences of a round, as they were drawn."""
    drawn = _drawn(workspace, round_name)
    sample = drawn.filter(pc.field("purpose") == Purpose.LABEL.value)["sentence_id"]
    gold = drawn.filter(pc.field("purpose") == Purpose.GOLD.value)["sentence_id"]
    return RoundMembers(
        sample.combine_chunks() if len(sample) else None,
        gold.combine_chunks(),
        withdrawn_ids(workspace, WithdrawnKind.IMAGE),
    )


def draw_sample(
    workspace: Workspace, selection: Selection, round_name: str, draw: Draw, run_id: str
) -> int:
    """Draws what a round still lacks of its sample, by a hash of round and sentence.

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
    sentences = _population(workspace, selection, draw.models)
    drawn = _drawn(workspace, round_name)
    purpose_of = dict(zip(*(drawn[name].to_pylist() for name in _DRAWN), strict=True))
    gold = pa.array([key for key, why in purpose_of.items() if why == Purpose.GOLD], pa.string())
    sentences = sentences.filter(pc.invert(pc.is_in(sentences["sentence_id"], value_set=gold)))
    strata = _strata(sentences, draw.stratify)
    before = Counter(strata[sentence] for sentence in purpose_of if sentence in strata)
    free: dict[str, list[str]] = {}
    undrawn = strata.keys() - purpose_of.keys()
    for sentence in sorted(undrawn, key=lambda sentence: derive_id(round_name, sentence)):
        free.setdefault(strata[sentence], []).append(sentence)
    wanted = len(strata) if draw.sample is None else min(draw.sample, len(strata))
    shares = proportional(Counter(strata.values()), wanted)
    lacking = {stratum: max(0, share - before[stratum]) for stratum, share in shares.items()}
    # An earlier sample, drawn in other proportions, may hold more of some stratum than its share.
    missing = min(sum(lacking.values()), max(0, wanted - before.total()))
    rows = [
        RoundSentence(
            round=round_name, sentence_id=sentence, purpose=Purpose.LABEL, stratum=stratum or None
        )
        for stratum, count in proportional(lacking, missing).items()
        for sentence in free.get(stratum, [])[:count]
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
    taken = {
        *_drawn(workspace, round_name)["sentence_id"].to_pylist(),
        *sent["sentence_id"].to_pylist(),
    }
    members = round_members(workspace, round_name)
    columns = ["sentence_id", "generator_id", "splitter_id", "image_id"]
    only = pc.field("sentence_id").isin(gold.combine_chunks())
    only &= ~pc.field("image_id").isin(members.withdrawn_images)
    usable = workspace.table(SENTENCES).read(columns, only)["sentence_id"].to_pylist()
    size = _size(workspace, selection, members, draw)
    missing = round(share * size) - len(members.gold)
    free = sorted(set(usable) - taken, key=lambda sentence: derive_id(round_name, sentence))
    rows = [
        RoundSentence(round=round_name, sentence_id=sentence, purpose=Purpose.GOLD)
        for sentence in free[: max(0, missing)]
    ]
    workspace.table(ROUND_SENTENCES).append(rows, run_id)
    return len(rows)


def _size(workspace: Workspace, selection: Selection, members: RoundMembers, draw: Draw) -> int:
    """Returns how many sentences a round has, or is about to have, without gold drawn beside."""
    if not draw.is_everything():
        everything = len(_population(workspace, selection, draw.models))
        asked = everything if draw.sample is None else min(draw.sample, everything)
        return max(asked, 0 if members.drawn is None else len(members.drawn))
    without_gold = members._replace(gold=pa.array([], pa.string()))
    columns = ["sentence_id", "generator_id", "splitter_id", "image_id"]
    ours = without_gold.filter(selection)
    return sum(len(batch) for batch in workspace.table(SENTENCES).scan(columns, ours))


def _population(workspace: Workspace, selection: Selection, models: Sequence[str]) -> pa.Table:
    """Returns what a sample is drawn from, of these models or of all."""
    withdrawn = withdrawn_ids(workspace, WithdrawnKind.IMAGE)
    everything = RoundMembers(None, pa.array([], pa.string()), withdrawn).filter(selection)
    columns = [*_DRAWN_FROM, "generator_id", "splitter_id", "image_id"]
    sentences = workspace.table(SENTENCES).read(columns, everything).select(list(_DRAWN_FROM))
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


def _strata(sentences: pa.Table, stratify: Sequence[Stratum]) -> dict[str, str]:
    """Returns each sentence's stratum by its id: the values of what is stratified by."""
    columns = (sentences[name].to_pylist() for name in _DRAWN_FROM)
    stratum_of: dict[str, str] = {}
    for sentence_id, model, direction, index in zip(*columns, strict=True):
        position = str(index + 1) if index + 1 < _LAST_POSITION else f"{_LAST_POSITION}+"
        values = {
            Stratum.MODEL: model, Stratum.DIRECTION: direction, Stratum.POSITION: position,
        }  # fmt: skip
        stratum_of[sentence_id] = ", ".join(values[name] for name in stratify)
    return stratum_of


def _check_models(asked: Iterable[str], known: Sequence[str]) -> None:
    for model in asked:
        if model not in known:
            raise UnknownModelError(
                f"No selected sentence is of a model {model!r}.",
                f"Known: {', '.join(sorted(known)) or 'none'}.",
            )
