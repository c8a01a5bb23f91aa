"""The place of a release: who writes there holds it, so that two runs never mix their files."""

from collections.abc import Iterator
from contextlib import contextmanager

from alignbench.schemas.fence import current_fence, fenced
from alignbench.workspace.stores.store import ObjectStore


@contextmanager
def held_place(store: ObjectStore, prefix: str) -> Iterator[None]:
    """Holds the place of a release while the context is open.

    The lock lies beside the release, so that it is the same one however the place is named: as a
    folder of a workspace, or as the target of an import or an upload.

    Args:
        store: Where the release goes.
        prefix: Under which key.

    Raises:
        LockHeldError: Another run is writing there.
    """
    parent, _, step = prefix.rpartition("/")
    above = store.below(parent) if parent else store
    outer = current_fence()
    with above.lock(step, guarded=step) as fence:

        def both() -> None:
            outer()
            fence()

        with fenced(both):
            yield
