"""What the control sample says of `until` while a round is under way: from the votes of today."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from alignbench.release.columns.joins import looked_up
from alignbench.release.labels.stopping import StoppingVotes, UntilCheck
from alignbench.release.votes.rounds import RoundRecords, in_control
from alignbench.release.votes.votes import SentenceBucket, Votes
from alignbench.schemas.label_options import LabelOptions
from alignbench.workspace.selection import Selection
from alignbench.workspace.workspace import Workspace


def current_checks(
    workspace: Workspace, selection: Selection, options: LabelOptions
) -> list[UntilCheck]:
    """Returns what is told of each round by the votes on the selected sentences, read anew.

    Args:
        workspace: Whose votes.
        selection: Which sentences count.
        options: Tell how often somebody counts who answered in several rounds.
    """
    if not _is_needed(RoundRecords(workspace)):
        return []
    with tempfile.TemporaryDirectory(prefix="alignbench-votes-") as folder:
        return until_checks(workspace, Votes(workspace, selection, Path(folder), options))


def until_checks(workspace: Workspace, votes: Iterable[SentenceBucket]) -> list[UntilCheck]:
    """Returns what is told of each round that asks for votes as they are needed."""
    records = RoundRecords(workspace)
    if not _is_needed(records):
        return []
    stopping = StoppingVotes(records.known)
    for bucket in votes:
        given = bucket.votes
        images = looked_up(given["sentence_id"], bucket.sentences, "sentence_id")["image_id"]
        rounds = records.of(given["round"].unique().to_pylist())
        inside = in_control(rounds, given["round"], images)
        stopping.add(bucket.sentences, given.append_column("in_control", inside))
    return stopping.checks()


def _is_needed(records: RoundRecords) -> bool:
    return any(record.until is not None for record in records.known.values())
