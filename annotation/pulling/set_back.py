"""Telling a database that was set back, by restoring a backup, from answers that were deleted.

Deleting an answer moves the time of its task forward. A task that has lost an answer and whose time
lies before that answer cannot have been touched since: the server never heard of the answer.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.label_studio.server import LabelStudioServer
from alignbench.annotation.projects import Project
from alignbench.annotation.pulling.known_answers import KnownAnswers
from alignbench.annotation.units.given import AnswerRow
from alignbench.schemas.vocabulary import AnnotationStatus, AnswerFlag


def was_set_back(server: LabelStudioServer, project: Project, missing: Collection[int]) -> bool:
    """Tells whether a project is older than the answers that are missing in it.

    Args:
        server: Where it is; all its tasks are listed.
        project: The project.
        missing: Answers that were pulled from it and are no longer there.
    """
    if not missing:
        return False
    known = KnownAnswers(project)
    lost = [known[answer_id] for answer_id in missing]
    changed = {t.task_id: t.updated_at for t in server.changed_tasks(project.project_id, None)}
    if any(one.task_id in changed and changed[one.task_id] < one.updated_at for one in lost):
        return True
    newest = max(changed.values(), default=None)
    # Their tasks are gone too: sent after the backup, if nothing that is left is as new.
    return all(newest is None or newest < one.updated_at for one in lost)


def kept_answers(project: Project, missing: Collection[int]) -> Iterator[AnswerRow]:
    """Yields the newest rows of missing answers again, as kept: they count, and are not awaited."""
    ids = pa.array(list(missing), pa.int64())
    known = KnownAnswers(project)
    where = project.filter() & pc.field("annotation_id").isin(ids)
    for row in project.workspace.table(project.answers).rows(where):
        if row.status is not AnnotationStatus.DELETED:
            at = known.note_deletion(row.annotation_id)
            yield replace(row, flags=(*row.flags, AnswerFlag.KEPT), updated_at=at)
