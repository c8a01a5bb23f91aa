"""The little of TFRecord and `tf.train.Example` that a set needs, read without TensorFlow.

A file is a sequence of records: length (8 bytes, little-endian), its checksum (4), the data, its
checksum (4). The data is a protocol buffer: features by name, each a list of bytes, floats or
integers. Source: https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alignbench.release.errors import ImportFileError

Feature = list[bytes] | list[float] | list[int]

_MOST_BYTES: Final = 256 << 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def examples(path: Path) -> Iterator[dict[str, Feature]]:
    """Yields the features of each example of a TFRecord file.

    Raises:
        ImportFileError: It cannot be read, or is cut off.
    """
    try:
        with path.open("rb") as file:
            while head := file.read(12):
                (length,) = struct.unpack("<Q", head[:8])
                if length > _MOST_BYTES:
                    raise ValueError(f"a record of {length:,} bytes")
                data, foot = file.read(length), file.read(4)
                if len(data) < length or len(foot) < 4:
                    raise ValueError("it is cut off")
                yield _example(data)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise ImportFileError(
            f"{path} cannot be read as TFRecord: {error}.", "Fetch it again, uncompressed."
        ) from None


def _example(data: bytes) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for _, features in _fields(data):
        for _, entry in _fields(_as_bytes(features)):
            parts = dict(_fields(_as_bytes(entry)))
            name = _as_bytes(parts.get(1, b"")).decode()
            found[name] = _feature(_as_bytes(parts.get(2, b"")))
    return found


def _feature(data: bytes) -> Feature:
    for kind, value in _fields(data):
        items = [item for _, item in _fields(_as_bytes(value))]
        if kind == 1:
            return [_as_bytes(item) for item in items]
        if kind == 2:
            return [number for item in items for number in _floats(_as_bytes(item))]
        return [number for item in items for number in _integers(item)]
    return []


def _floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def _integers(item: Any) -> Iterator[int]:
    if isinstance(item, int):
        yield item
        return
    place = 0
    while place < len(item):
        value, place = _varint(item, place)
        yield value - (1 << 64) if value >= 1 << 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yields number and value of each field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(data, place)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("it is no tf.train.Example")
        if place + size > len(data):
            raise ValueError("a field is cut off")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("a number is too long")


def _as_bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("it is no tf.train.Example")
    return value
