"""What annotators read in a round: kept as each project was set up, since a project keeps it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute as pc

from alignbench.annotation.label_studio.records import ProjectSettings, Wording
from alignbench.schemas.rows.annotation import AnnotationProject, Guidelines
from alignbench.schemas.tables import ANNOTATION_PROJECTS, GUIDELINES
from alignbench.workspace.workspace import Workspace

_MOST_NAMED = 5


def note_wording(
    workspace: Workspace,
    server: str,
    project_id: int,
    round_name: str,
    settings: ProjectSettings,
    run_id: str,
) -> None:
    """Writes down what a project was set up with, before anything is sent to it.

    Args:
        workspace: Whose project it is.
        server: Identity of the server.
        project_id: The project.
        round_name: Whose sentences go there.
        settings: How it was set up; without a wording nothing is written.
        run_id: Stamped on the rows.
    """
    wording = settings.wording
    if wording is None:
        return
    texts = Guidelines(
        guideline_id=wording.guideline_id, language=wording.language, texts=wording.texts
    )
    known = workspace.table(GUIDELINES).rows(pc.field("guideline_id") == wording.guideline_id)
    if next(iter(known), None) is None:
        workspace.table(GUIDELINES).append([texts], run_id)
    project = AnnotationProject(
        server=server,
        project_id=project_id,
        round=round_name,
        guideline_id=wording.guideline_id,
        label_schema_id=wording.label_schema_id,
    )
    workspace.table(ANNOTATION_PROJECTS).append([project], run_id)


def wording_changes(workspace: Workspace, round_name: str, now: Wording) -> list[str]:
    """Returns what a round's earlier projects say otherwise than the texts of now, in words.

    Args:
        workspace: Whose round.
        round_name: The round.
        now: What a project that is set up now says.
    """
    projects = workspace.table(ANNOTATION_PROJECTS).rows(pc.field("round") == round_name)
    older = {
        project.guideline_id
        for project in projects
        if (project.guideline_id, project.label_schema_id)
        != (now.guideline_id, now.label_schema_id)
    }
    if not older:
        return []
    wanted = pc.field("guideline_id").isin(sorted(older))
    lines = []
    # Other languages say the same to other people.
    wanted &= pc.field("language") == now.language
    for row in sorted(workspace.table(GUIDELINES).rows(wanted), key=lambda row: row.guideline_id):
        places = sorted(_changed_places(json.loads(row.texts), json.loads(now.texts)))
        more = f" and {len(places) - _MOST_NAMED} more" if len(places) > _MOST_NAMED else ""
        what = ", ".join(places[:_MOST_NAMED]) + more if places else "what can be answered"
        lines.append(
            f"the guidelines have changed since round {round_name} began ({row.guideline_id[:8]} "
            f"is now {now.guideline_id[:8]}): {what}. Projects of the round keep the old text and "
            "only new ones show the new one, as the answers say. To ask again by the new text, "
            "push another round with --again"
        )
    return lines


def _changed_places(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Yields the dotted names of texts that differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in old.keys() | new.keys():
            inner = f"{place}.{name}" if place else name
            yield from _changed_places(old.get(name), new.get(name), inner)
    elif old != new:
        yield place
