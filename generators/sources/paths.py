"""Names in the input that become files: none may lead out of the folder it is relative to."""

import errno
from pathlib import Path, PurePosixPath

from alignbench.generators.errors import InputFileError
from alignbench.generators.image_checks import MAX_BYTES, too_large
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure, Surroundings


def configured_path(path: str, surroundings: Surroundings) -> Path:
    """Returns a path of the configuration with its links resolved.

    Raises:
        InputFileError: There is nothing at that path.
    """
    found = surroundings.folder / Path(path).expanduser()
    try:
        return found.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links, before Python 3.13
        raise InputFileError(
            f"The source {surroundings.name!r} cannot find {found}: {_reason(error)}.",
            "Correct its path in alignbench.toml.",
        ) from None


def configured_folder(path: str, surroundings: Surroundings) -> Path:
    """Returns a folder of the configuration with its links resolved.

    Raises:
        InputFileError: There is no folder at that path.
    """
    folder = configured_path(path, surroundings)
    if not folder.is_dir():
        raise InputFileError(
            f"{folder} of the source {surroundings.name!r} is not a folder.",
            "Give the folder that holds the images.",
        )
    return folder


def canonical_name(name: str) -> str:
    """Returns the one spelling of a relative path; `./a//b.jpg` is `a/b.jpg`."""
    return PurePosixPath(name).as_posix()


def inside(root: Path, name: str) -> Path:
    """Returns the file of a folder that a name in the input stands for, its links resolved.

    Args:
        root: The folder, with its own links resolved.
        name: A relative path, as it stands in the input. The file need not exist.

    Raises:
        ItemError: The name is absolute, holds `..`, cannot be a path, or leads through a link out
            of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ItemError(
            ItemCode.PATH_OUTSIDE.failure(
                f"{shown(name)} leads out of the folder {root}; "
                "give a path relative to it, without '..'."
            )
        )
    if not path.parts:
        raise _invalid(name, "it names no file")
    try:
        real = _resolved(root / path)
    except (OSError, RuntimeError, ValueError) as error:
        raise _invalid(name, _reason(error)) from None
    if not real.is_relative_to(root):
        raise ItemError(
            ItemCode.LINK_OUTSIDE.failure(
                f"{shown(name)} leads through a symbolic link out of the folder {root}; "
                "copy the file there, or name the folder that the link leads to."
            )
        )
    return real


def _resolved(path: Path) -> Path:
    """Returns a path without links, whether or not anything is there.

    Raises:
        OSError | RuntimeError: Its links go round in a circle, which only `strict` tells in every
            version of Python.
    """
    try:
        return path.resolve(strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
    return path.resolve()


def read_image_file(root: Path, name: str) -> bytes | ItemFailure:
    """Returns the bytes of an image file in a folder, or why there are none.

    The way to the file is checked again: a link may have changed since the file was listed.
    """
    try:
        path = inside(root, name)
        size = path.stat().st_size
        if not path.is_file():  # opening a pipe would wait for ever
            return ItemCode.FILE_UNREADABLE.failure(f"{shown(name)} is not a plain file.")
        if size > MAX_BYTES:
            return too_large(size)
        return path.read_bytes()
    except ItemError as error:
        return error.failure
    except OSError as error:
        return unreadable(name, error)


def unreadable(name: str, error: OSError) -> ItemFailure:
    """Returns the failure of a file or folder that is missing or cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ItemCode.FILE_MISSING.failure(f"There is no file {shown(name)}.")
    return ItemCode.FILE_UNREADABLE.failure(f"{shown(name)} cannot be read: {_reason(error)}.")


def shown(name: str) -> str:
    """Returns a file name as a table can hold it; bytes that are not UTF-8 are escaped."""
    return repr(storable(name))


def storable(name: str) -> str:
    """Returns a file name in valid UTF-8: unchanged, or with the odd bytes escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def check_storable(name: str) -> None:
    """Checks that a file name found on disk is UTF-8, as every table is.

    Raises:
        ItemError: It is not.
    """
    if storable(name) != name:
        raise _invalid(name, "it is not UTF-8; rename the file")


def _invalid(name: str, reason: str) -> ItemError:
    return ItemError(ItemCode.PATH_INVALID.failure(f"{shown(name)} is not a file path: {reason}."))


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
