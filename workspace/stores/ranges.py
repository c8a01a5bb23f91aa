"""An object that is read by ranges, as a file."""

import io
import os
from collections.abc import Callable


class Ranges(io.RawIOBase):
    """A read-only file over a function that fetches the bytes from `start` up to `end`."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size, self._fetch, self._place = size, fetch, 0

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def tell(self) -> int:
        """Returns the current place."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a place and returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = base + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Returns at most `size` bytes from the current place; all that are left if negative."""
        end = self._size if size < 0 else min(self._place + size, self._size)
        if end <= self._place:
            return b""
        data = self._fetch(self._place, end)
        self._place += len(data)
        return data
