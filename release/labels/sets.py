"""Label sets: which there are, which counts now, and when one is stale."""

from typing import Any

from schemas.ids import canonical_json, derive_id
from schemas.rows import LabelSet
from schemas.tables import LABEL_SETS
from workspace.workspace import Workspace


def label_set_id(method: str, options: dict[str, Any], answers_sha256: str) -> str:
    """Returns the id of the labels that a method with these options makes of these answers."""
    return derive_id(method, options, answers_sha256)


def label_sets(workspace: Workspace) -> list[LabelSet]:
    """Returns the complete label sets, the current one last."""
    return sorted(workspace.table(LABEL_SETS).rows(), key=lambda found: found.version)


def make_current(
    workspace: Workspace,
    *,
    method: str,
    options: dict[str, Any],
    answers_sha256: str,
    sentences: int,
    run_id: str,
) -> LabelSet:
    """Writes that a label set is complete and counts from now on."""
    known = label_sets(workspace)
    row = LabelSet(
        label_set_id=label_set_id(method, options, answers_sha256),
        method=method,
        options=canonical_json(options),
        answers_sha256=answers_sha256,
        sentences=sentences,
        version=known[-1].version + 1 if known else 1,
    )
    workspace.table(LABEL_SETS).append([row], run_id)
    return row
