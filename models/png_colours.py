"""The colours of a PNG that says what they are by numbers, without a colour profile.

A PNG may give its primaries (cHRM) and its gamma (gAMA), or name a colour space by its code (cICP).
Browsers heed them, Pillow does not. They are turned into a profile here, which then goes the way
of every other. After the PNG specification, third edition, sections 4.3 and 11.3.2; the profile
after ICC.1:2001-04, section 6.3.
"""

import struct
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Curve = float | None
"""The exponent from stored values to light; None for the curve of sRGB."""


class Primaries(NamedTuple):
    """Chromaticities, x and y of each."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


_D65: Final = (0.3127, 0.3290)
_SRGB: Final = Primaries(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES: Final = {
    1: _SRGB,
    9: Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""By the codes of ITU-T H.273: BT.709, BT.2020 and Display P3."""

_CURVES: Final[dict[int, Curve]] = {4: 2.2, 5: 2.8, 8: 1.0, 13: None}
"""By the same; those of high dynamic range have no one picture in sRGB."""

_SRGB_GAMMA: Final = 45455
"""What is written for sRGB; without primaries beside it browsers take it for just that."""

_D50: Final = np.array([0.9642, 1.0, 0.8249])
_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_CURVE_POINTS: Final = 1024


def stated_profile(chunks: dict[bytes, bytes]) -> bytes | None:
    """Returns a profile of the colours that a PNG states by numbers.

    Args:
        chunks: Bodies of the sound chunks before its pixels, by kind.

    Returns:
        None if it states none, if they are sRGB's, or a chunk that goes first says so.
    """
    code = chunks.get(b"cICP", b"")
    if len(code) >= 2 and code[0] in _PRIMARIES and code[1] in _CURVES:
        return _profile(_PRIMARIES[code[0]], _CURVES[code[1]])
    if b"iCCP" in chunks or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) < 4:
        return None
    (gamma,) = struct.unpack_from(">I", chunks[b"gAMA"])
    stated = chunks.get(b"cHRM", b"")
    if not gamma or (len(stated) < 32 and gamma == _SRGB_GAMMA):
        return None
    primaries = _primaries(stated) if len(stated) >= 32 else _SRGB
    return _profile(primaries, 100_000 / gamma)


def _primaries(body: bytes) -> Primaries:
    x_and_y = [value / 100_000 for value in struct.unpack_from(">8I", body)]
    pairs = zip(x_and_y[::2], x_and_y[1::2], strict=True)
    return Primaries(*pairs)


@lru_cache(maxsize=16)
def _profile(primaries: Primaries, curve: Curve) -> bytes | None:
    """Returns a profile of a display with these primaries; None if there can be none."""
    try:
        columns = _in_d50(primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    if not np.isfinite(columns).all() or np.abs(columns).max() > 4:
        return None
    tags = {b"desc": _description(), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50)}
    for name, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
        tags[name + b"XYZ"] = _xyz(column)
        tags[name + b"TRC"] = _tone_curve(curve)
    return _assembled(tags)


def _in_d50(primaries: Primaries) -> Floats:
    """Returns XYZ of red, green and blue as columns, for the white that profiles are based on."""
    white = _xyz_of(primaries.white)
    colours = np.stack([_xyz_of(xy) for xy in primaries[1:]], axis=1)
    colours = colours * np.linalg.solve(colours, white)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: Floats = np.linalg.solve(_BRADFORD, scale[:, None] * (_BRADFORD @ colours))
    return adapted


def _xyz_of(chromaticity: tuple[float, float]) -> Floats:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _description() -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", 4) + b"png\0" + bytes(78)


def _xyz(values: Floats) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in values))


def _tone_curve(curve: Curve) -> bytes:
    stored = np.arange(_CURVE_POINTS, dtype=np.float64) / (_CURVE_POINTS - 1)
    light = _srgb_to_light(stored) if curve is None else stored**curve
    points = np.rint(light * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", _CURVE_POINTS) + points


def _srgb_to_light(stored: Floats) -> Floats:
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    start = 132 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i",
        start + len(bodies), 0x0210_0000, b"mntr", b"RGB ", b"XYZ ", b"acsp",
        *(round(float(v) * 65536) for v in _D50),
    )  # fmt: skip
    return header.ljust(128, b"\0") + table + bodies
