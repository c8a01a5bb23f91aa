"""Dealing: everybody is asked what they are to be asked, once, whatever happens on the way."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.annotation.assigning.standings import Standing, Team
from tests.annotation.assigning.named_deals import NamedDeal, Unit, deal, hand_over

OPEN = (Standing.WAITING, Standing.BEGUN)
PLACES = (*OPEN, Standing.VOTED)
PEOPLE = tuple(f"person-{letter}" for letter in "abcdefgh")


def round_of(images: int, sentences: int, wanted: int = 3) -> list[Unit]:
    return [
        Unit(f"{image:03}-{index}", f"image-{image:03}", wanted)
        for image in range(images)
        for index in range(sentences)
    ]


class Round:
    """A round whose people answer, skip, leave and come back, between one deal and the next."""

    def __init__(self, units: Sequence[Unit], people: Sequence[str]) -> None:
        self.units = list(units)
        self.active = set(people)
        self.paused: set[str] = set()
        self.excluded: set[str] = set()
        self.state: dict[str, dict[str, Standing]] = {unit.unit_id: {} for unit in units}
        self.answers: Counter[tuple[str, str]] = Counter()

    def team(self, joining: Sequence[str] = ()) -> Team:
        return Team(frozenset(self.active), frozenset(self.paused), frozenset(joining))

    def seen(self) -> dict[str, dict[str, Standing]]:
        """The standings as the dealer is told them: an excluded person's votes do not count."""
        return {
            unit: {
                name: Standing.SPENT
                if name in self.excluded and standing is Standing.VOTED
                else standing
                for name, standing in people.items()
            }
            for unit, people in self.state.items()
        }

    def deal(self, joining: Sequence[str] = ()) -> NamedDeal:
        return self.apply(deal(self.units, self.team(joining), self.seen()))

    def hand_over(self, giver: str, takers: Sequence[str] = ()) -> NamedDeal:
        return self.apply(hand_over(self.units, self.team(), self.seen(), giver, takers))

    def apply(self, dealt: NamedDeal) -> NamedDeal:
        for move in dealt.moves:
            people = self.state[move.unit_id]
            if move.is_open:
                assert people.get(move.annotator, Standing.TAKEN_BACK) is Standing.TAKEN_BACK
                assert move.annotator in self.active
                people[move.annotator] = Standing.WAITING
            else:
                assert people[move.annotator] in OPEN
                people[move.annotator] = Standing.TAKEN_BACK
        return dealt

    def open_of(self, name: str) -> list[str]:
        return [unit for unit, people in self.state.items() if people.get(name) in OPEN]

    def answer(self, name: str, unit_id: str) -> None:
        self.answers[unit_id, name] += 1
        self.state[unit_id][name] = Standing.VOTED

    def load(self) -> dict[str, int]:
        return {name: len(self.open_of(name)) for name in sorted(self.active)}

    def votes(self, unit_id: str) -> int:
        return sum(s is Standing.VOTED for s in self.seen()[unit_id].values())

    def check(self, dealt: NamedDeal) -> None:
        """Each unit has its places, and lacks some only where nobody is left to be asked."""
        assert deal(self.units, self.team(), self.seen()).moves == [], "Dealing again adds nothing."
        for unit in self.units:
            people = self.seen()[unit.unit_id]
            free = [n for n in self.active if people.get(n) in (None, Standing.TAKEN_BACK)]
            places = sum(standing in PLACES for standing in people.values())
            waiting = sum(standing is Standing.WAITING for standing in people.values())
            assert places <= unit.wanted or not waiting, "A surplus is taken back."
            assert dealt.lacking.get(unit.unit_id, 0) == max(0, unit.wanted - places)
            assert unit.unit_id not in dealt.lacking or not free


def test_every_unit_goes_to_as_many_different_people_as_are_wanted() -> None:
    round_ = Round(round_of(images=40, sentences=5), PEOPLE)
    dealt = round_.deal()
    assert all(len(people) == 3 for people in round_.state.values())
    assert not dealt.lacking
    round_.check(dealt)


def test_loads_differ_by_an_image_at_most_and_images_stay_whole_and_in_order() -> None:
    round_ = Round(round_of(images=41, sentences=7), PEOPLE)
    round_.deal()
    load = round_.load()
    assert max(load.values()) - min(load.values()) <= 7
    for name in PEOPLE:
        images = [unit.partition("-")[0] for unit in round_.open_of(name)]
        assert images == sorted(images)
        assert set(Counter(images).values()) == {7}


def test_who_works_beside_whom_is_mixed() -> None:
    round_ = Round(round_of(images=200, sentences=1), PEOPLE)
    round_.deal()
    assert len({frozenset(people) for people in round_.state.values()}) > 30


def test_the_order_in_which_people_are_named_changes_nothing() -> None:
    units = round_of(images=30, sentences=3)
    one, other = (deal(units, Team(frozenset(names)), {}) for names in (PEOPLE, PEOPLE[::-1]))
    assert one == other


def test_too_few_people_are_a_shortage_and_nobody_is_asked_twice() -> None:
    round_ = Round(round_of(images=4, sentences=2), PEOPLE[:2])
    dealt = round_.deal()
    assert dealt.lacking == {unit.unit_id: 1 for unit in round_.units}
    assert all(len(people) == 2 for people in round_.state.values())


def test_a_skipped_unit_goes_to_somebody_new() -> None:
    round_ = Round(round_of(images=6, sentences=2), PEOPLE)
    round_.deal()
    [skipper, *_] = round_.state["000-0"]
    round_.state["000-0"][skipper] = Standing.SPENT
    [move] = round_.deal().moves
    assert move.unit_id == "000-0"
    assert move.annotator not in (skipper, *list(round_.state["000-0"])[:3])


def test_nobody_is_asked_what_they_are_barred_from() -> None:
    units = [unit._replace(barred={PEOPLE[0]}) for unit in round_of(images=10, sentences=2)]
    round_ = Round(units, PEOPLE[:4])
    assert not round_.deal().lacking
    assert round_.open_of(PEOPLE[0]) == []


def test_who_joins_late_takes_a_fair_share_in_whole_images() -> None:
    round_ = Round(round_of(images=60, sentences=4), PEOPLE[:5])
    round_.deal()
    for name in PEOPLE[:5]:
        for unit in round_.open_of(name)[:20]:
            round_.state[unit][name] = Standing.BEGUN
    round_.active.add("late")
    dealt = round_.deal(joining=["late"])
    load = round_.load()
    assert load["late"] == pytest.approx(sum(load.values()) / 6, abs=4)
    assert set(Counter(u.partition("-")[0] for u in round_.open_of("late")).values()) == {4}
    round_.check(dealt)


def test_work_that_is_handed_over_goes_to_those_who_are_named_and_the_rest_stays() -> None:
    round_ = Round(round_of(images=20, sentences=3), PEOPLE[:4])
    round_.deal()
    giver, taker = PEOPLE[:2]
    before = set(round_.open_of(giver))
    shared = {unit for unit in before if taker in round_.state[unit]}
    round_.hand_over(giver, [taker])
    assert set(round_.open_of(giver)) == shared
    assert before - shared <= set(round_.open_of(taker))
    round_.check(round_.deal())


def test_a_pause_keeps_what_is_begun_and_nothing_else() -> None:
    round_ = Round(round_of(images=20, sentences=3), PEOPLE[:5])
    round_.deal()
    begun = round_.open_of(PEOPLE[0])[:4]
    for unit in begun:
        round_.state[unit][PEOPLE[0]] = Standing.BEGUN
    round_.active.remove(PEOPLE[0])
    round_.paused.add(PEOPLE[0])
    dealt = round_.deal()
    assert round_.open_of(PEOPLE[0]) == begun
    assert not dealt.lacking
    round_.check(dealt)


def test_what_was_given_in_place_of_an_excluded_vote_is_taken_back_with_the_exclusion() -> None:
    round_ = Round(round_of(images=6, sentences=2), PEOPLE[:5])
    round_.deal()
    name = PEOPLE[0]
    for unit in round_.open_of(name):
        round_.answer(name, unit)
    round_.active.remove(name)
    round_.excluded.add(name)
    assert round_.deal().moves
    round_.active.add(name)
    round_.excluded.remove(name)
    assert {move.is_open for move in round_.deal().moves} == {False}
    assert all(sum(s in PLACES for s in p.values()) == 3 for p in round_.state.values())


class _Steps:
    """Random steps of a round; each may be followed by a deal."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.round = Round(round_of(images=9, sentences=3), PEOPLE[:5])
        self._names = iter(f"late-{number:03}" for number in range(1000))

    def take(self) -> None:
        step = self._draw.choice([
            self.answer, self.answer, self.answer, self.answer, self.begin, self.skip, self.void,
            self.answer_late, self.join, self.pause, self.resume, self.exclude, self.undo,
            self.hand_over, self.kill,
        ])  # fmt: skip
        step()

    def _somebody(self, people: set[str]) -> str | None:
        return self._draw.choice(sorted(people)) if people else None

    def _open(self) -> tuple[str, str] | None:
        name = self._somebody(self.round.active | self.round.paused)
        theirs = self.round.open_of(name) if name else []
        return (name, theirs[0]) if name and theirs else None

    def answer(self) -> None:
        if found := self._open():
            self.round.answer(*found)

    def begin(self) -> None:
        if found := self._open():
            self.round.state[found[1]][found[0]] = Standing.BEGUN

    def skip(self) -> None:
        if found := self._open():
            self.round.state[found[1]][found[0]] = Standing.SPENT

    def void(self) -> None:
        """An answer is deleted, or set aside."""
        voted = [(u, n) for u, p in self.round.state.items() for n, s in p.items()
                 if s is Standing.VOTED]  # fmt: skip
        if voted:
            unit, name = self._draw.choice(voted)
            self.round.state[unit][name] = Standing.SPENT

    def answer_late(self) -> None:
        """Somebody submits a page that was open when its unit was taken back."""
        taken = [(n, u) for u, p in self.round.state.items() for n, s in p.items()
                 if s is Standing.TAKEN_BACK]  # fmt: skip
        if taken:
            self.round.answer(*self._draw.choice(taken))

    def join(self) -> None:
        name = next(self._names)
        self.round.active.add(name)
        self.round.deal(joining=[name])

    def pause(self) -> None:
        if len(self.round.active) > 1 and (name := self._somebody(self.round.active)):
            self.round.active.remove(name)
            self.round.paused.add(name)

    def resume(self) -> None:
        if name := self._somebody(self.round.paused):
            self.round.paused.remove(name)
            self.round.active.add(name)
            self.round.deal(joining=[name])

    def exclude(self) -> None:
        if len(self.round.active) > 1 and (name := self._somebody(self.round.active)):
            self.round.active.remove(name)
            self.round.excluded.add(name)

    def undo(self) -> None:
        if name := self._somebody(self.round.excluded):
            self.round.excluded.remove(name)
            self.round.active.add(name)

    def hand_over(self) -> None:
        if name := self._somebody(self.round.active):
            others = sorted(self.round.active - {name})
            self.round.hand_over(name, self._draw.sample(others, min(2, len(others))))

    def kill(self) -> None:
        """A deal is worked out and lost: the next one comes to the same."""
        lost = deal(self.round.units, self.round.team(), self.round.seen())
        assert deal(self.round.units, self.round.team(), self.round.seen()) == lost


@pytest.mark.parametrize("seed", range(2))
def test_in_200_steps_nothing_is_lost_or_asked_twice_and_every_quota_is_met(seed: int) -> None:
    take_200_steps(seed)


@pytest.mark.full
@settings(max_examples=60, deadline=None)
@given(st.integers(2, 2**32))
def test_in_any_200_steps_nothing_is_lost_or_asked_twice(seed: int) -> None:
    take_200_steps(seed)


def take_200_steps(seed: int) -> None:
    steps = _Steps(seed)
    steps.round.deal()
    for _ in range(200):
        steps.take()
        steps.round.check(steps.round.deal())
    round_ = steps.round
    round_.paused, round_.active = set(), round_.active | round_.paused
    while any(round_.open_of(name) for name in round_.active):
        for name in sorted(round_.active):
            for unit in round_.open_of(name):
                round_.answer(name, unit)
        dealt = round_.deal()
        round_.check(dealt)
    assert max(round_.answers.values()) == 1
    for unit in round_.units:
        assert round_.votes(unit.unit_id) + dealt.lacking.get(unit.unit_id, 0) >= unit.wanted


def test_images_change_hardly_more_often_than_they_must_while_people_come_and_go() -> None:
    round_ = Round(round_of(images=60, sentences=5), PEOPLE[:6])
    round_.deal()
    orders: dict[str, list[str]] = {name: [] for name in (*PEOPLE, "late")}

    def work(share: int) -> None:
        for name in sorted(round_.active):
            for unit in round_.open_of(name)[:share]:
                orders[name].append(unit.partition("-")[0])
                round_.answer(name, unit)
            for unit in round_.open_of(name)[:20]:
                round_.state[unit][name] = Standing.BEGUN

    work(30)
    round_.active.remove(PEOPLE[0])
    round_.deal()
    round_.active.add("late")
    round_.deal(joining=["late"])
    work(1000)
    assert all(round_.votes(unit.unit_id) == 3 for unit in round_.units)
    changes = sum(a != b for images in orders.values() for a, b in pairwise(images))
    changes += sum(bool(images) for images in orders.values())
    assert changes <= 1.1 * 60 * 3
