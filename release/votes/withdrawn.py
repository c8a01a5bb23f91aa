"""What is used no more: images, and people whose answers do not count."""

import pyarrow.compute as pc

from alignbench.schemas.tables import WITHDRAWN
from alignbench.schemas.vocabulary import WithdrawnKind
from alignbench.workspace.workspace import Workspace


def withdrawn_by_kind(workspace: Workspace) -> dict[WithdrawnKind, list[str]]:
    """Returns the ids of what has been withdrawn, people who are only excluded among them."""
    holds = ~pc.coalesce(pc.field("revoked"), False)
    table = workspace.table(WITHDRAWN).read(["kind", "id", "revoked"], holds)
    return {
        kind: table.filter(pc.field("kind") == kind.value).column("id").to_pylist()
        for kind in WithdrawnKind
    }
