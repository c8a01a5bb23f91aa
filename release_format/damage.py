"""Files of a release that cannot be read: the same error wherever they are read."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from alignbench.release_format.errors import ReleaseColumnError


@contextmanager
def damage_named(address: str, path: str) -> Iterator[None]:
    """Names the file while it is read in the context, whatever is wrong with its bytes.

    Raises:
        ReleaseColumnError: It is no Parquet file, or is damaged.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ReleaseColumnError(
            f"{path} in {address} cannot be read as Parquet: {error}.",
            "Run 'alignbench verify' on the release, or fetch it again.",
        ) from None
