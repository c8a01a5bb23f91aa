"""Label sets: which there are, which counts now, and when one is stale."""

from typing import Any

from alignbench.release.errors import NoLabelsError, UnusableNameError
from alignbench.schemas.fence import current_fence
from alignbench.schemas.ids import canonical_json, derive_id
from alignbench.schemas.rows.labels import LabelSet
from alignbench.schemas.tables import LABEL_SETS
from alignbench.workspace.workspace import Workspace


def label_set_id(method: str, options: dict[str, Any], answers_sha256: str) -> str:
    """Returns the id of the labels that a method with these options makes of these votes."""
    return derive_id(method, options, answers_sha256)


def label_sets(workspace: Workspace) -> list[LabelSet]:
    """Returns the complete label sets, the current one last."""
    return sorted(workspace.table(LABEL_SETS).rows(), key=lambda found: found.version)


def find_label_set(workspace: Workspace, name: str) -> LabelSet:
    """Returns the label set of a name, or whose id begins with it.

    Raises:
        NoLabelsError: There is none, or several ids begin so; known ones are listed.
    """
    known = label_sets(workspace)
    found = [row for row in known if row.name == name]
    found = found or [row for row in known if row.label_set_id.startswith(name)]
    if len(found) != 1:
        raise NoLabelsError(
            f"{'No' if not found else 'More than one'} label set of {workspace.url} is {name!r}.",
            f"Known label sets: {', '.join(map(_called, known)) or 'none'}.",
        )
    return found[0]


def _called(row: LabelSet) -> str:
    short = row.label_set_id[:12]
    return f"{row.name} ({short})" if row.name else short


def make_current(
    workspace: Workspace,
    *,
    method: str,
    options: dict[str, Any],
    answers_sha256: str,
    sentences: int,
    run_id: str,
    name: str | None = None,
) -> LabelSet:
    """Writes that a label set is complete and counts from now on.

    Raises:
        UnusableNameError: Another set has that name.
    """
    known = label_sets(workspace)
    set_id = label_set_id(method, options, answers_sha256)
    names = {found.label_set_id: found.name for found in known if found.name is not None}
    if name is not None and any(name == n and set_id != other for other, n in names.items()):
        raise UnusableNameError(
            f"Another label set of {workspace.url} is named {name!r}.", "Choose another name."
        )
    row = LabelSet(
        label_set_id=set_id,
        method=method,
        options=canonical_json(options),
        answers_sha256=answers_sha256,
        sentences=sentences,
        version=known[-1].version + 1 if known else 1,
        name=name if name is not None else names.get(set_id),
    )
    current_fence()()  # a run that was asleep knows older answers
    workspace.table(LABEL_SETS).append([row], run_id)
    return row
