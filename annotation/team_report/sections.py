"""The sections of the page about a team: each is a table, and a file beside the page."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.assigning.replies import MOST_SKIPS
from alignbench.annotation.team_report.given_answers import GivenAnswers
from alignbench.annotation.team_report.progress import (
    PACE_DAYS,
    RoundFacts,
    active_hours,
    by_day,
    progress,
)
from alignbench.annotation.team_report.quality import (
    FEWEST_JUDGED,
    GoldAnswer,
    agreement_by_week,
    gold_accuracy,
    habits,
)


class Part(NamedTuple):
    """A table of the report.

    Attributes:
        name: Of its file, and its anchor in the page.
        title: Its heading.
        method: What the columns mean.
        table: The table.
        notes: What a reader must know of this very table.
    """

    name: str
    title: str
    method: str
    table: pa.Table
    notes: Sequence[str] = ()


class TeamFacts(NamedTuple):
    """All that the report is made of.

    Attributes:
        rounds: The rounds.
        answers: The answers of all of them.
        gold: Of these, those to gold.
        paused: Who gets no work for now.
        outside: What was changed from outside.
        server_asked: Whether the server was asked what has happened since the last pull.
    """

    rounds: Sequence[RoundFacts]
    answers: GivenAnswers
    gold: Sequence[GoldAnswer]
    paused: Collection[str]
    outside: pa.Table
    server_asked: bool


_ROUNDS: Final = f"""Wanted are the votes that the units of a round (sentences, or captions) are to
have by now; given are those that count; over-given are those beyond what a unit is to have; left
are those still to come. Put to nobody: of those left, how many no open question stands for; 'push'
deals them out. A unit that {MOST_SKIPS} people have skipped is put to nobody else. The round ends
when the last of its people does, at the pace of each in the last {PACE_DAYS} days of the round."""
_PEOPLE: Final = f"""Wanted are the answers that a person has given and those they are still asked
for; over-given are those of their votes that came when a unit had what was wanted. Taken back:
questions that went to others. A pace is that of the last {PACE_DAYS} days of the round, from the
first answer in them on."""
_HOURS: Final = """Time that the page was open for an answer or a skip, as the server counts it. An
answer that took longer than {cap:g} seconds counts as {cap:g} seconds ('cut to the cap'); one
without a time counts as nothing. An answer to a whole caption is one answer. Those in quarantine
and deleted ones are not in it; those of people who are excluded are."""
_GOLD: Final = f"""The newest answer of each person to each sentence whose answer is known, with
Wilson's interval of 95 %. 'all' and the verdicts count right verdicts; a type counts sentences with
words that are wrong in that way, and it is right to mark some of them as that type. Below others:
the interval lies below what the others reach together; nobody is said to be so on fewer than
{FEWEST_JUDGED} answers."""
_AGREEMENT: Final = """Of the sentences that others answered too: the mean share of the others who
gave the same verdict, by the week of one's own answer. Gold is left out, and whoever is excluded is
no measure of others. Rounds of sentences and of captions are never mixed."""
_HABITS: Final = """Shares of verdicts in one's answers, and of types in one's marks; gold is left
out. A contradiction marks words and says that the sentence is not wrong: its marks are not used,
and its verdict counts."""
_OUTSIDE: Final = """What was changed by others than those whose work it is, or past the labelling
page: answers that somebody else edited or gave in another's queue, answers and tasks that are gone,
tasks that were opened again. With the guard of the server on, annotators cannot do any of it; see
'What annotators can reach' in the operators' guide."""


def team_parts(facts: TeamFacts, cap: float) -> list[Part]:
    """Returns the sections of the report.

    Args:
        facts: What it is made of.
        cap: Seconds that an answer counts as at most.
    """
    far = progress(facts.rounds, facts.answers, facts.paused)
    asked = (
        "The server was asked what has happened since the last pull."
        if facts.server_asked
        else "The server was not asked: this is what pull and push came upon."
    )
    parts = [
        Part("rounds", "Rounds", _ROUNDS, far.rounds),
        Part("people", "People", _PEOPLE, far.people, _unfinished(far.people)),
        Part("days", "By day", _HOURS.format(cap=cap), by_day(facts.answers, cap)),
        Part("hours", "Active hours", _HOURS.format(cap=cap), active_hours(facts.answers, cap)),
        Part("gold", "Right on gold", _GOLD, gold_accuracy(facts.gold), _few(facts.gold)),
        Part("agreement", "Agreement with others", _AGREEMENT, agreement_by_week(facts.answers)),
        Part("habits", "Verdicts, types, and what is missing", _HABITS, habits(facts.answers)),
        Part("outside", "Changed from outside", _OUTSIDE, facts.outside, [asked]),
        Part("notes", "Notes", "What people wrote beside their answers.", _notes(facts.answers)),
    ]
    return [part._replace(method=" ".join(part.method.split())) for part in parts]


def _unfinished(people: pa.Table) -> list[str]:
    stuck = people.filter(pc.and_(pc.greater(people["left"], 0), pc.is_null(people["ends"])))
    names = sorted(set(stuck["annotator"].to_pylist()))
    if not names:
        return []
    verb = "has" if len(names) == 1 else "have"
    return [f"{', '.join(names)} {verb} open questions and no pace, so no end is foreseen there."]


def _few(gold: Sequence[GoldAnswer]) -> list[str]:
    counts: Mapping[str, int] = {
        name: sum(one.annotator == name for one in gold) for name in {one.annotator for one in gold}
    }
    few = sorted(name for name, count in counts.items() if count < FEWEST_JUDGED)
    if not few:
        return []
    return [f"Too few answers to gold to judge by: {', '.join(few)}."]


def _notes(answers: GivenAnswers) -> pa.Table:
    noted = answers.all.filter(pc.is_valid(answers.all["note"]))
    noted = noted.sort_by([("updated_at", "descending"), ("sentence_id", "ascending")])
    return noted.select(["day", "round", "annotator", "verdict", "note", "sentence_id"])
