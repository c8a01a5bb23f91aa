"""annotators report: how far a team is, how well it works, and who needs help.

What comes in: assignments, answers, gold, and what the server says has changed since the last pull.
What goes out: `team.html`, which opens offline, and its tables as CSV; where a Prefect server is
configured, the rounds and the people also as artifacts. It may be written again at any time.
"""

from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from alignbench.annotation.assigning.questions import RoundQuestions
from alignbench.annotation.assigning.team import paused_annotators
from alignbench.annotation.label_studio.texts import annotator_texts
from alignbench.annotation.rounds.forms import round_form, round_units
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.annotation.team_report.feedback import feedback_page, missed_gold
from alignbench.annotation.team_report.given_answers import GivenAnswers, given_answers
from alignbench.annotation.team_report.needing_help import needs
from alignbench.annotation.team_report.outside import changes_from_outside
from alignbench.annotation.team_report.page import PAGE, team_files
from alignbench.annotation.team_report.progress import RoundFacts
from alignbench.annotation.team_report.quality import GoldAnswer, gold_answers
from alignbench.annotation.team_report.sections import Part, TeamFacts, team_parts
from alignbench.annotation.team_report.shown_sentences import shown_sentences
from alignbench.flows.asking.label_studio import annotation_server, server_address
from alignbench.flows.asking.round_inputs import asked_units
from alignbench.flows.runs.orchestration import publish_rows
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.runs.stage_flow import stage_flow
from alignbench.schemas.errors import AlignBenchError, UsageError
from alignbench.schemas.tables import GOLD, TASKS
from alignbench.schemas.vocabulary import ADJUDICATION_ROUND, WithdrawnKind
from alignbench.workspace.stores.local import LocalStore

USUAL_CAP: Final = 300.0
"""Seconds that an answer counts as at most: a page may be left open over lunch."""
_FOLDER: Final = "private/team"
_PUBLISHED: Final = {"rounds": "How far the rounds are", "people": "How far each person is"}


class TeamReport(NamedTuple):
    """What was written.

    Attributes:
        page: The page.
        tables: Its tables, by their names.
        server_fault: Why the server could not be asked; None if it was, or none is configured.
    """

    page: Path
    tables: dict[str, pa.Table]
    server_fault: str | None


@stage_flow("annotators-report")
def team_report(
    workspace: str = ".",
    out: str | None = None,
    cap: float = USUAL_CAP,
    renewed_every: float | None = None,
) -> TeamReport:
    """Writes a report on the annotators of a workspace.

    Args:
        workspace: Path, or `s3://bucket/prefix`.
        out: The folder to write to; by default one in the workspace that is never released, or
            `team` in the current folder where the workspace is on S3.
        cap: Seconds that an answer counts as at most in active hours.
        renewed_every: Seconds after which the page is written again, so that a browser loads it.
    """
    run = open_run(workspace)
    facts, fault = _team_facts(run)
    parts = team_parts(facts, cap)
    who = needs(facts.answers, facts.gold)
    wanted = {one.sentence_id for need in who for one in need.shown}
    sentences = shown_sentences(run.workspace, wanted, _hidden_images(run))
    store = _store(run, out)
    for name, data in team_files(parts, who, sentences, renewed_every=renewed_every).items():
        store.write(name, data)
    tables = {part.name: part.table for part in parts}
    _publish(parts)
    return TeamReport(store.root / PAGE, tables, fault)


def write_feedback(address: str, annotator: str, to: Path) -> int:
    """Writes a page for one annotator; returns how many sentences it shows.

    Args:
        address: The workspace.
        annotator: Who it is for.
        to: The file.

    Raises:
        UsageError: They have answered no gold.
    """
    run = open_run(address)
    name = annotator.lower()
    gold = _gold(run, given_answers(run.workspace))
    if not any(answer.annotator == name for answer in gold):
        raise UsageError(
            f"{annotator} has answered no sentence whose answer is known.",
            "Run 'alignbench pull', or see 'alignbench annotators list' for who has.",
        )
    missed = missed_gold(gold, name)
    wanted = [one.sentence_id for one in missed]
    sentences = shown_sentences(run.workspace, wanted, _hidden_images(run))
    texts = annotator_texts(run.config.annotation.language_of(name), run.folder)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(feedback_page(missed, sentences, texts))
    return sum(one.sentence_id in sentences for one in missed)


def _team_facts(run: Run) -> tuple[TeamFacts, str | None]:
    answers = given_answers(run.workspace)
    outside, server_asked, fault = _outside(run)
    return (
        TeamFacts(
            rounds=[_round_facts(run, name) for name in _round_names(run)],
            answers=answers,
            gold=_gold(run, answers),
            paused=paused_annotators(run.workspace),
            outside=outside,
            server_asked=server_asked,
        ),
        fault,
    )


def _outside(run: Run) -> tuple[pa.Table, bool, str | None]:
    """Returns what was changed from outside, whether the server told, and why if it could not."""
    url, token = server_address(run.config.annotation.url)
    if not (url and token):
        return changes_from_outside(run.workspace, None), False, None
    try:
        return changes_from_outside(run.workspace, annotation_server(run)), True, None
    except AlignBenchError as error:
        return changes_from_outside(run.workspace, None), False, str(error)


def _round_names(run: Run) -> list[str]:
    """Returns the rounds that ask about sentences; `annotators list` tells of the others."""
    units = round_units(run.workspace)
    names = set(units) | set(run.workspace.table(TASKS).read(["round"])["round"].to_pylist())
    of_questions = {name for name, unit in units.items() if unit.is_of_questions}
    return sorted(names - of_questions - {ADJUDICATION_ROUND})


def _round_facts(run: Run, name: str) -> RoundFacts:
    form = round_form(run.workspace, name, run.config.annotation)
    asked = asked_units(run, form)
    return RoundFacts(form, asked, RoundQuestions(run.workspace, name, asked.unit_ids))


def _gold(run: Run, answers: GivenAnswers) -> list[GoldAnswer]:
    return gold_answers(answers, {row.sentence_id: row for row in run.workspace.table(GOLD).rows()})


def _hidden_images(run: Run) -> list[str]:
    hidden: list[str] = withdrawn_ids(run.workspace, WithdrawnKind.IMAGE).to_pylist()
    return hidden


def _store(run: Run, out: str | None) -> LocalStore:
    """Returns where the report is written to: it names people, and says what gold is."""
    if out is not None:
        return LocalStore(Path(out))
    if isinstance(run.workspace.store, LocalStore):
        return run.workspace.store.below(_FOLDER)
    return LocalStore(Path(Path(_FOLDER).name), private=True)


def _publish(parts: list[Part]) -> None:
    for part in parts:
        if part.name in _PUBLISHED:
            publish_rows(f"annotators-{part.name}", _PUBLISHED[part.name], part.table.to_pylist())
