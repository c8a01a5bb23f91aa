"""Bodies of responses, unpacked within a bound.

HTTP clients unpack a piece of any ratio before they hand it over, and one encoding within another:
two kilobytes may become gigabytes.
"""

import zlib
from typing import Final

_UNPACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS
"""Takes the header of gzip and that of zlib, which `deflate` is."""


class TooMuchError(Exception):
    """A body would unpack to more bytes than are accepted."""


class PackedBodyError(Exception):
    """A body is compressed in a way that is not known, or is damaged."""


class Body:
    """A body that arrives in pieces, held to a number of bytes both as sent and as unpacked.

    Args:
        encoding: The header `Content-Encoding`.
        limit: Most bytes.

    Raises:
        PackedBodyError: It is in an encoding that is not unpacked.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        names = [name.strip().lower() for name in encoding.split(",")]
        packed = [name for name in names if name not in ("", "identity")]
        if len(packed) > 1 or any(name not in _UNPACKED for name in packed):
            raise PackedBodyError(
                f"it has the encoding {encoding!r}, which was not asked for and is not unpacked"
            )
        self._limit = limit
        self._sent = 0
        self._data = bytearray()
        self._unpacking = zlib.decompressobj(_ANY_HEADER) if packed else None

    def add(self, piece: bytes) -> None:
        """Takes the next piece.

        Raises:
            TooMuchError: There is more than is accepted.
            PackedBodyError: It cannot be unpacked.
        """
        self._sent += len(piece)
        if self._sent > self._limit:
            raise TooMuchError
        if self._unpacking is None:
            self._data += piece
            return
        while piece:
            piece = self._unpacked(self._unpacking, piece)

    @property
    def so_far(self) -> bytes:
        """What has been unpacked until now, within the limit."""
        return bytes(self._data[: self._limit])

    def whole(self) -> bytes:
        """Returns the body, once all of it has come.

        Raises:
            PackedBodyError: Its end is missing.
        """
        if self._unpacking is not None and not self._unpacking.eof:
            raise PackedBodyError("its end is missing")
        return bytes(self._data)

    def _unpacked(self, unpacking: "zlib._Decompress", piece: bytes) -> bytes:
        """Unpacks a piece into the data; returns what of it is left."""
        if unpacking.eof:  # a further member: gzip files may be strung together
            unpacking = self._unpacking = zlib.decompressobj(_ANY_HEADER)
        try:
            self._data += unpacking.decompress(piece, self._limit - len(self._data) + 1)
        except zlib.error as error:
            raise PackedBodyError(f"it is damaged ({error})") from None
        if len(self._data) > self._limit:
            raise TooMuchError
        return unpacking.unused_data or unpacking.unconsumed_tail
