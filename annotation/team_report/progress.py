"""How far the rounds are, and how much of it each person has done."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.asked import Asked, AskedUnits
from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.replies import MOST_SKIPS
from alignbench.annotation.rounds.forms import in_control
from alignbench.annotation.team_report.given_answers import GivenAnswers, newest
from alignbench.schemas.rows.annotation import Round
from alignbench.schemas.vocabulary import AnnotationStatus, AssignmentState, Purpose, RoundForm

PACE_DAYS: Final = 7
"""A pace is that of so many days up to the newest answer of the round."""

ROUND_COLUMNS: Final = pa.schema(
    [
        ("round", pa.string()), ("unit", pa.string()), ("units", pa.int64()),
        ("wanted", pa.int64()), ("given", pa.int64()), ("over_given", pa.int64()),
        ("left", pa.int64()), ("put_to_nobody", pa.int64()), ("skipped_too_often", pa.int64()),
        ("answers_a_day", pa.float64()), ("ends", pa.string()),
    ]
)  # fmt: skip
PERSON_COLUMNS: Final = pa.schema(
    [
        ("round", pa.string()), ("annotator", pa.string()), ("standing", pa.string()),
        ("wanted", pa.int64()), ("given", pa.int64()), ("over_given", pa.int64()),
        ("left", pa.int64()), ("skipped", pa.int64()), ("taken_back", pa.int64()),
        ("answers_a_day", pa.float64()), ("last_answer", pa.string()), ("ends", pa.string()),
    ]
)  # fmt: skip
DAY_COLUMNS: Final = pa.schema(
    [
        ("day", pa.string()), ("round", pa.string()), ("annotator", pa.string()),
        ("answers", pa.int64()), ("skips", pa.int64()), ("active_hours", pa.float64()),
    ]
)  # fmt: skip
HOUR_COLUMNS: Final = pa.schema(
    [
        ("round", pa.string()), ("annotator", pa.string()), ("answers", pa.int64()),
        ("skips", pa.int64()), ("active_hours", pa.float64()), ("answers_an_hour", pa.float64()),
        ("median_seconds", pa.float64()), ("cut_to_the_cap", pa.int64()),
        ("without_a_time", pa.int64()),
    ]
)  # fmt: skip


class RoundFacts(NamedTuple):
    """What is known of a round before its answers are looked at.

    Attributes:
        form: How it was begun.
        asked: Its units.
        questions: What has become of its questions, with its units numbered first.
    """

    form: Round
    asked: AskedUnits
    questions: RoundQuestions


class Progress(NamedTuple):
    """How far the rounds are: tables with the columns named above."""

    rounds: pa.Table
    people: pa.Table


class _Unit(NamedTuple):
    wanted: int
    given: int


def progress(
    rounds: Sequence[RoundFacts], answers: GivenAnswers, paused: Collection[str]
) -> Progress:
    """Returns how far the rounds are.

    Args:
        rounds: The rounds.
        answers: The answers.
        paused: Who gets no work for now.
    """
    round_rows: list[dict[str, object]] = []
    person_rows: list[dict[str, object]] = []
    for facts in rounds:
        in_round = _OneRound(facts, answers, paused)
        people = list(in_round.people())
        person_rows += people
        round_rows.append(in_round.summary(people))
    return Progress(
        pa.Table.from_pylist(round_rows, ROUND_COLUMNS),
        pa.Table.from_pylist(person_rows, PERSON_COLUMNS),
    )


def by_day(answers: GivenAnswers, cap: float) -> pa.Table:
    """Returns what each person did on each day; times above `cap` seconds count as that."""
    return pa.Table.from_pylist(
        [
            {
                "day": key[0], "round": key[1], "annotator": key[2], "answers": work.answers,
                "skips": work.skips, "active_hours": work.hours,
            }
            for key, work in _work(answers, ("day", "round", "annotator"), cap)
        ],
        DAY_COLUMNS,
    )  # fmt: skip


def active_hours(answers: GivenAnswers, cap: float) -> pa.Table:
    """Returns how long each person was at work; times above `cap` seconds count as that."""
    return pa.Table.from_pylist(
        [
            {
                "round": key[0], "annotator": key[1], "answers": work.answers,
                "skips": work.skips, "active_hours": work.hours,
                "answers_an_hour": work.answers / work.hours if work.hours else None,
                "median_seconds": work.median, "cut_to_the_cap": work.above,
                "without_a_time": work.untimed,
            }
            for key, work in _work(answers, ("round", "annotator"), cap)
        ],
        HOUR_COLUMNS,
    )  # fmt: skip


class _Work(NamedTuple):
    answers: int
    skips: int
    hours: float
    median: float | None
    above: int
    untimed: int


def _work(
    answers: GivenAnswers, keys: Sequence[str], cap: float
) -> Iterator[tuple[tuple[str, ...], _Work]]:
    rows = answers.pages
    seconds = rows["lead_seconds"]
    rows = rows.append_column("is_skip", pc.equal(rows["status"], AnnotationStatus.SKIPPED.value))
    rows = rows.append_column("seconds", pc.min_element_wise(seconds, cap, skip_nulls=False))
    rows = rows.append_column("above", pc.fill_null(pc.greater(seconds, cap), False))
    rows = rows.append_column("untimed", pc.is_null(seconds))
    measures = [
        ("is_skip", "count"), ("is_skip", "sum"), ("seconds", "sum"), ("above", "sum"),
        ("untimed", "sum"), ("seconds", "approximate_median"),
    ]  # fmt: skip
    grouped = rows.group_by(list(keys)).aggregate(measures)
    for row in grouped.sort_by([(key, "ascending") for key in keys]).to_pylist():
        skips = row["is_skip_sum"] or 0
        yield (
            tuple(row[key] for key in keys),
            _Work(
                row["is_skip_count"] - skips,
                skips,
                (row["seconds_sum"] or 0.0) / 3600,
                row["seconds_approximate_median"],
                row["above_sum"] or 0,
                row["untimed_sum"] or 0,
            ),
        )


class _OneRound:
    """What is to be said of one round."""

    def __init__(self, facts: RoundFacts, answers: GivenAnswers, paused: Collection[str]) -> None:
        form, self._questions = facts.form, facts.questions
        self._form, self._paused, self._out = form, paused, answers.out
        own = answers.submitted
        own = newest(own.filter(pc.equal(own["round"], form.round)), ["annotator", "unit_id"])
        own = own.filter(self._fill_a_place(own))
        self._votes = own.sort_by([("annotated_at", "ascending"), ("annotator", "ascending")])
        self._gold_images = {one.image_id for one in facts.asked if one.purpose is Purpose.GOLD}
        self._units = self._counted_units(facts.asked, answers.counted(own))
        self._times = self._times_of_people()
        newest_day = max((times[-1] for times in self._times.values()), default=None)
        self._until = newest_day

    def _fill_a_place(self, answers: pa.Table) -> pa.Array:
        """Tells of each answer whether it is believed about all of its unit."""
        columns = ["unit_id", "annotator"]
        questions = self._questions.table(self._questions.is_closed)
        closed = set(zip(*(questions[name].to_pylist() for name in columns), strict=True))
        given = zip(*(answers[name].to_pylist() for name in columns), strict=True)
        return pa.array([question not in closed for question in given], pa.bool_())

    def people(self) -> Iterator[dict[str, object]]:
        """Yields a row for each person who was asked something or has answered."""
        states = self._questions.counts()
        over = self._over_given()
        for name in sorted(states.keys() | self._times.keys()):
            given = len(self._times.get(name, ()))
            state = states.get(name, Counter())
            left = state[AssignmentState.OPEN]
            pace = self._pace(self._times.get(name, ()))
            yield {
                "round": self._form.round,
                "annotator": name,
                "standing": self._standing(name),
                # In a round of an earlier version everybody answered in one project.
                "wanted": given + left,
                "given": given,
                "over_given": over[name],
                "left": left,
                "skipped": state[AssignmentState.SKIPPED],
                "taken_back": state[AssignmentState.CLOSED],
                "answers_a_day": pace,
                "last_answer": _day(self._times[name][-1]) if name in self._times else None,
                "ends": self._end(left, pace),
            }

    def summary(self, people: Sequence[dict[str, object]]) -> dict[str, object]:
        """Returns the row of the round; it ends when the last of its people does."""
        left = sum(max(0, unit.wanted - unit.given) for unit in self._units.values())
        waiting = int(self._questions.is_open.sum())
        skips = self._questions.skips[: len(self._units)]
        paces = [self._pace(times) for times in self._times.values()]
        pace = sum(filter(None, paces)) or None
        busy = [row["ends"] for row in people if row["left"]]
        is_known = busy and all(busy)
        return {
            "round": self._form.round,
            "unit": self._form.unit.value,
            "units": len(self._units),
            "wanted": sum(unit.wanted for unit in self._units.values()),
            "given": sum(unit.given for unit in self._units.values()),
            "over_given": sum(max(0, unit.given - unit.wanted) for unit in self._units.values()),
            "left": left,
            "put_to_nobody": max(0, left - waiting),
            "skipped_too_often": int((skips >= MOST_SKIPS).sum()),
            "answers_a_day": pace,
            "ends": max(map(str, busy))
            if is_known
            else self._end(left, pace)
            if not busy
            else None,
        }

    def _counted_units(self, asked: AskedUnits, votes: pa.Table) -> dict[str, _Unit]:
        given = Counter(votes["unit_id"].to_pylist())
        open_now = self._questions.table(self._questions.is_open)
        waiting = Counter(open_now["unit_id"].to_pylist())
        return {
            one.unit_id: _Unit(
                self._wanted(one, given[one.unit_id], waiting[one.unit_id]), given[one.unit_id]
            )
            for one in asked
        }

    def _wanted(self, asked: Asked, given: int, waiting: int) -> int:
        """Returns how many votes a unit is to have by now."""
        form = self._form
        if form.form is RoundForm.SHARED and asked.purpose is Purpose.GOLD:
            return given + waiting  # Label Studio offers it to everybody
        if asked.image_id in self._gold_images or in_control(form, asked.image_id):
            return form.most
        return min(form.most, max(form.first, given + waiting))

    def _over_given(self) -> Counter[str]:
        """Returns who gave the votes that came when a unit had what was wanted."""
        over, so_far = Counter[str](), Counter[str]()
        columns = (self._votes[name].to_pylist() for name in ("unit_id", "annotator"))
        for unit_id, name in zip(*columns, strict=True):
            if name in self._out or unit_id not in self._units:
                continue
            so_far[unit_id] += 1
            over[name] += so_far[unit_id] > self._units[unit_id].wanted
        return over

    def _times_of_people(self) -> dict[str, list[datetime]]:
        times: defaultdict[str, list[datetime]] = defaultdict(list)
        columns = (self._votes[name].to_pylist() for name in ("annotator", "annotated_at"))
        for name, at in zip(*columns, strict=True):
            times[name].append(at)
        return dict(times)

    def _pace(self, times: Sequence[datetime]) -> float | None:
        """Returns answers a day, from one's first answer in the last days on."""
        if self._until is None:
            return None
        since = self._until - timedelta(days=PACE_DAYS)
        recent = [at for at in times if at > since]
        if not recent:
            return None
        days = max(1.0, (self._until - recent[0]) / timedelta(days=1))
        return len(recent) / days

    def _end(self, left: int, pace: float | None) -> str | None:
        if not left or not pace or self._until is None:
            return None
        return _day(self._until + timedelta(days=left / pace))

    def _standing(self, name: str) -> str:
        if name in self._out:
            return "does not count"
        return "paused" if name in self._paused else "works"


def _day(at: datetime) -> str:
    return date(*at.astimezone(UTC).timetuple()[:3]).isoformat()
