"""The chunks of a PNG file, for what Pillow refuses although every browser shows the picture.

Pillow stops at a compressed text or colour profile of more than a mebibyte, and at a wrong checksum
or an odd layout in a chunk that says nothing of the pixels. Such chunks can be left out.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_PROFILE: Final = b"iCCP"
_KEPT_PROFILE: Final = 1 << 20
"""Most bytes of a colour profile that stays in the file: as many as Pillow takes."""

_LARGEST_PROFILE: Final = 16 << 20
"""Most bytes of a colour profile that is unpacked at all."""

_SHOWN: Final = frozenset(
    {
        b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"acTL", b"fcTL", b"fdAT",
    }
)  # fmt: skip
"""Ancillary chunks that have a say in what is seen."""

_LEAST: Final = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"acTL": 8, b"fcTL": 26}
"""Least bytes of such a chunk; browsers pass over a shorter one."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    body: memoryview
    checksum: int

    @property
    def is_sound(self) -> bool:
        return zlib.crc32(self.body, zlib.crc32(self.kind)) == self.checksum

    @property
    def is_critical(self) -> bool:
        return not self.kind[0] & 0x20  # PNG specification, section 5.4

    @property
    def end(self) -> int:
        return self.start + 12 + len(self.body)


class BarePng(NamedTuple):
    """A PNG with only those chunks that have a say in what is seen.

    Attributes:
        data: The file.
        large_profile: Its colour profile, if that was too large to be kept.
    """

    data: bytes
    large_profile: bytes | None


def bare_png(data: bytes) -> BarePng | None:
    """Returns a PNG without its metadata; the pixels are not touched.

    Of the chunks that have a say in what is seen, all but the pixels' own go too if their checksum
    is wrong, as in browsers.

    Returns:
        None if the data is no PNG, or there is nothing to leave out.
    """
    if not data.startswith(SIGNATURE):
        return None
    kept = bytearray(SIGNATURE)
    view = memoryview(data)
    end = len(SIGNATURE)
    large_profile = None
    for chunk in _chunks(view):
        end = chunk.end
        if chunk.is_critical:
            kept += view[chunk.start : end]
        elif chunk.kind == _PROFILE and chunk.is_sound:
            profile = _unpacked_profile(bytes(chunk.body))
            if profile is not None and len(profile) > _KEPT_PROFILE:
                large_profile = profile
            elif profile is not None:
                kept += view[chunk.start : end]
        elif _is_shown(chunk):
            kept += view[chunk.start : end]
    kept += view[end:]  # what is no chunk any more is for the decoder to judge
    return None if len(kept) == len(data) else BarePng(bytes(kept), large_profile)


def chunks_before_pixels(data: bytes) -> dict[bytes, bytes]:
    """Returns the bodies of a PNG's sound ancillary chunks before its pixels, by kind."""
    found: dict[bytes, bytes] = {}
    for chunk in _chunks(memoryview(data)) if data.startswith(SIGNATURE) else ():
        if chunk.kind == b"IDAT":
            break
        if not chunk.is_critical and chunk.is_sound:
            found[chunk.kind] = bytes(chunk.body)
    return found


def _chunks(view: memoryview) -> Iterator[_Chunk]:
    """Yields the whole chunks up to the last one, or to where the file stops being a PNG."""
    start = len(SIGNATURE)
    while start + 12 <= len(view):
        length, kind = struct.unpack_from(">I4s", view, start)
        if not kind.isalpha() or start + 12 + length > len(view):
            return
        body = view[start + 8 : start + 8 + length]
        (checksum,) = struct.unpack_from(">I", view, start + 8 + length)
        yield _Chunk(kind, start, body, checksum)
        if kind == b"IEND":
            return
        start += 12 + length


def _is_shown(chunk: _Chunk) -> bool:
    return chunk.kind in _SHOWN and chunk.is_sound and len(chunk.body) >= _LEAST.get(chunk.kind, 0)


def _unpacked_profile(body: bytes) -> bytes | None:
    """Returns a colour profile; None if it cannot be read, or is larger than any that is used."""
    _, separator, packed = body.partition(b"\0")
    if not separator or packed[:1] != b"\0":  # the only method of compression
        return None
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _LARGEST_PROFILE)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else profile
