"""A workspace: one store, and the tables in it."""

from pathlib import Path
from typing import Any

from alignbench.schemas.columns import Row
from alignbench.schemas.tables import TABLES, TableSpec
from alignbench.workspace.errors import NotAWorkspaceError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.table import Table

CONFIG_KEY = "alignbench.toml"


class Workspace:
    """Tables and blobs of one benchmark under construction.

    Can be pickled and sent to another process or machine that reaches the same store.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._tables: dict[str, Table[Any]] = {}

    def __reduce__(self) -> "tuple[type[Workspace], tuple[ObjectStore]]":
        return Workspace, (self.store,)  # without the tables, which remember their listings

    @property
    def url(self) -> str:
        """Where it is: a path, or `s3://bucket/prefix`."""
        return self.store.url

    def table(self, spec: TableSpec[Row]) -> Table[Row]:
        """Returns a table."""
        return self._tables.setdefault(spec.name, Table(self.store, spec))

    def tables(self) -> list[Table[Any]]:
        """Returns all tables, in the order of the road."""
        return [self.table(spec) for spec in TABLES]


def open_store(root: str | Path) -> ObjectStore:
    """Returns the store at a local path or an `s3://bucket/prefix`."""
    address = str(root)
    if address.startswith("s3://"):
        # boto3 takes a tenth of a second to import.
        from alignbench.workspace.stores.s3 import S3Store

        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        return S3Store(bucket, prefix)
    return LocalStore(Path(root))


def open_workspace(root: str | Path) -> Workspace:
    """Opens the workspace at a local path or an `s3://bucket/prefix`.

    Raises:
        NotAWorkspaceError: There is no `alignbench.toml` at that place.
    """
    store = open_store(root)
    if not store.exists(CONFIG_KEY):
        raise NotAWorkspaceError(
            f"There is no {CONFIG_KEY} in {store.url}.",
            "Run 'alignbench init' there, or name the workspace with -C.",
        )
    return Workspace(store)
