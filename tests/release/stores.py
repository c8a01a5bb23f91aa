"""A store that fails at a chosen write, as a process that is killed there would."""

from pathlib import Path
from typing import IO

from alignbench.workspace.stores.local import LocalStore


class KilledError(Exception):
    """Stands for the end of the process."""


class DyingStore(LocalStore):
    """A real local store whose writes fail from the given one on."""

    def __init__(self, root: Path, writes: int) -> None:
        super().__init__(root)
        self.writes_left = writes

    def write(self, key: str, data: bytes) -> None:
        self._die_if_due()
        super().write(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._die_if_due()
        return super().create(key, data)

    def put_file(self, key: str, source: IO[bytes], sha256: str) -> bool:
        self._die_if_due()
        return super().put_file(key, source, sha256)

    def _die_if_due(self) -> None:
        if self.writes_left <= 0:
            raise KilledError
        self.writes_left -= 1
