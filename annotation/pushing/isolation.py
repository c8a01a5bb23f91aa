"""Who gets which images where each annotator has a project of their own.

All sentences of an image go to the same annotators: those whose hash with the image is highest
(rendezvous hashing), so that everybody gets about as many, and somebody who joins or leaves changes
only the images that go to or come from them. Whoever has an image keeps it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import NobodyToAnswerError
from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.rounds.withdrawal import withdrawn_ids
from alignbench.schemas.ids import derive_id
from alignbench.schemas.tables import SENTENCES, TASKS
from alignbench.schemas.vocabulary import TaskState, WithdrawnKind
from alignbench.workspace.workspace import Workspace


@dataclass
class Assignments:
    """Who gets which images of a round.

    Attributes:
        annotators: Their names, sorted.
        wanted: How many of them each image is to go to.
        holders: Who has an image already, without those whose answers no longer count.
    """

    annotators: Sequence[str]
    wanted: int
    holders: Mapping[str, frozenset[str]]

    def of(self, image_id: str) -> list[str]:
        """Returns who gets an image: those who have it, then those whose hash is highest."""
        holders = self.holders.get(image_id, frozenset())
        ranked = sorted(
            self.annotators,
            key=lambda name: (name not in holders, derive_id("assigned", image_id, name)),
        )
        return ranked[: max(self.wanted, len(holders))]

    def mask(self, image_ids: pa.ChunkedArray, annotator: str) -> pa.Array:
        """Tells for each image whether it goes to this annotator."""
        theirs = {image: annotator in self.of(image) for image in pc.unique(image_ids).to_pylist()}
        return pa.array([theirs[image] for image in image_ids.to_pylist()], pa.bool_())


def assignments(
    workspace: Workspace, server: LabelStudioServer | None, round_name: str, wanted: int
) -> Assignments:
    """Returns who gets which images of a round.

    Args:
        workspace: Where it is known who has which tasks, and who is out.
        server: Whose accounts, but the operator's, are the annotators; None takes those who have
            tasks already.
        round_name: The round.
        wanted: How many annotators each image is to go to.

    Raises:
        NobodyToAnswerError: The server has no account but the operator's.
    """
    out = set(withdrawn_ids(workspace, WithdrawnKind.ANNOTATOR).to_pylist())
    holders = _holders(workspace, round_name, out)
    if server is None:
        people = sorted({name for names in holders.values() for name in names})
        return Assignments(people, wanted, holders)
    people = sorted(set(server.annotators().values()) - out - {server.operator()})
    if not people:
        raise NobodyToAnswerError(
            f"isolation = 'project' gives each annotator a project of their own, but Label Studio "
            f"at {server.url} has no annotators.",
            "Make accounts with 'alignbench annotators add', then push again.",
        )
    return Assignments(people, wanted, holders)


def _holders(workspace: Workspace, round_name: str, out: set[str]) -> Mapping[str, frozenset[str]]:
    sent = (pc.field("round") == round_name) & (pc.field("state") == TaskState.CONFIRMED.value)
    sent &= pc.field("assignee").is_valid()
    tasks = workspace.table(TASKS).read(["sentence_id", "round", "state", "assignee"], sent)
    only = pc.field("sentence_id").isin(pc.unique(tasks["sentence_id"]))
    images = workspace.table(SENTENCES).read(["sentence_id", "image_id"], only)
    image_of = dict(zip(*(images[n].to_pylist() for n in images.column_names), strict=True))
    holders: defaultdict[str, set[str]] = defaultdict(set)
    columns = (tasks[name].to_pylist() for name in ("sentence_id", "assignee"))
    for sentence, name in zip(*columns, strict=True):
        if name not in out and sentence in image_of:
            holders[image_of[sentence]].add(name)
    return {image: frozenset(names) for image, names in holders.items()}
