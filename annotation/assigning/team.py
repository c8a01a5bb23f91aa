"""Who can be asked in a round: the accounts on the server, without those who are out."""

from collections.abc import Collection

import pyarrow.compute as pc

from alignbench.annotation.assigning.standings import Team
from alignbench.annotation.errors import NoSuchAnnotatorError
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.configuration.annotation_section import AnnotationConfig
from alignbench.schemas.rows.annotation import PausedAnnotator
from alignbench.schemas.tables import PAUSED_ANNOTATORS
from alignbench.schemas.vocabulary import WithdrawnKind
from alignbench.workspace.workspace import Workspace


def current_team(
    workspace: Workspace,
    server: LabelStudioServer,
    settings: AnnotationConfig,
    holders: Collection[str],
) -> Team:
    """Returns who can be asked in a round.

    Everybody who has an account is in the team, without operator and adjudicators. The operator is
    in it as long as nobody else is, and in rounds in which that was so.

    Args:
        workspace: Where it is known who is out, and who pauses.
        server: Whose accounts.
        settings: Names who is in the team, if it is not everybody.
        holders: Who has been asked something in the round already.

    Raises:
        NoSuchAnnotatorError: Somebody who is named has no account.
    """
    operator = server.operator()
    accounts = frozenset(server.annotators().values()) | {operator}
    if settings.team:
        people = frozenset(name.lower() for name in settings.team)
        _check_accounts(people, accounts, server.url)
    else:
        deciding = frozenset(name.lower() for name in settings.adjudicators)
        people = accounts - {operator} - deciding
        if not people or operator in holders:
            people |= {operator}
    people -= frozenset(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist())
    paused = people & paused_annotators(workspace)
    active = people - paused
    late = active - frozenset(holders) if holders else frozenset()
    return Team(active, paused, late)


def paused_annotators(workspace: Workspace) -> frozenset[str]:
    """Returns who gets no work for now."""
    rows = workspace.table(PAUSED_ANNOTATORS).rows(pc.field("paused"))
    return frozenset(row.annotator for row in rows)


def set_paused(workspace: Workspace, name: str, paused: bool, run_id: str) -> bool:
    """Notes whether somebody pauses; tells whether that is new."""
    table = workspace.table(PAUSED_ANNOTATORS)
    before = next(iter(table.rows(pc.field("annotator") == name)), None)
    if (before is not None and before.paused) == paused:
        return False
    version = 1 if before is None else before.version + 1
    table.append([PausedAnnotator(annotator=name, paused=paused, version=version)], run_id)
    return True


def _check_accounts(people: Collection[str], accounts: Collection[str], url: str) -> None:
    missing = sorted(set(people) - set(accounts))
    if missing:
        raise NoSuchAnnotatorError(
            f"{missing[0]} is in the team and has no account on Label Studio at {url}.",
            f"Run 'alignbench annotators add {missing[0]}', or correct annotation.team.",
        )
