"""Where a release is built before it is published: a folder on local disk that does not stay."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alignbench.schemas.fence import current_fence
from alignbench.schemas.ids import derive_id


@contextmanager
def staging_folder(target: str) -> Iterator[Path]:
    """Yields an empty folder that is gone afterwards.

    What a killed run left for the same target is removed first. The caller holds the place
    of the release, or the workspace's lock for releases, so nobody else is building it.

    Args:
        target: Address of what is built.

    Raises:
        LockLostError: Files in it are gone, since another run holds the lock by now.
    """
    prefix = f"alignbench-release-{derive_id(target)}-"
    for leftover in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    fence = current_fence()
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        try:
            yield Path(folder)
        except Exception:
            fence()  # whoever took the lock over meanwhile has removed this folder as a leftover
            raise
