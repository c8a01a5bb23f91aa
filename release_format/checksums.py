"""`SHA256SUMS`: the SHA-256 of every other file of a release, as `sha256sum --check` reads it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

_CHUNK: Final = 4 << 20
_HEX_DIGITS: Final = 64


def checksum(file: IO[bytes]) -> str:
    """Returns SHA-256 of what is left to read in a file."""
    sha256 = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
    return sha256.hexdigest()


def checksums_of(folder: Path) -> dict[str, str]:
    """Returns SHA-256 of every file below a folder, by its path there, in order."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = checksum(file)
    return dict(sorted(found.items()))


def checksums_text(checksums: Mapping[str, str]) -> str:
    """Returns the text of `SHA256SUMS`."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(checksums.items()))


def parse_checksums(text: str) -> dict[str, str] | None:
    """Returns SHA-256 by path; None if a line is not such a pair, or a path stands twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        sha256, gap, path = line[:_HEX_DIGITS], line[_HEX_DIGITS:66], line[66:]
        is_hex = len(sha256) == _HEX_DIGITS and set(sha256) <= set("0123456789abcdef")
        if gap != "  " or not path or not is_hex or path in found:
            return None
        found[path] = sha256
    return found
