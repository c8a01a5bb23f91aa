"""`alignbench doctor`: is everything there that a run needs, and if not, what to do."""

import os
import platform
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from alignbench.doctor_servers import label_studio_server, prefect_server
from alignbench.findings import Finding
from alignbench.schemas.config import Config, decode_config, parse_config
from alignbench.schemas.errors import (
    AlignBenchError,
    NewerSchemaError,
)
from alignbench.schemas.tables import TABLES
from alignbench.workspace.errors import CorruptPartError, ObjectNotFoundError, UnsafeKeyError
from alignbench.workspace.local import LocalStore
from alignbench.workspace.parts import Part, part_folder
from alignbench.workspace.s3 import S3Store
from alignbench.workspace.store import ObjectStore
from alignbench.workspace.workspace import CONFIG_KEY, open_store

MAX_PARTS = 2000
"""How many parts are read at most."""
MAX_BYTES = 200_000_000
"""After how many bytes no further part is read."""
_LOW_DISK_GB = 5


def examine(workspace: str) -> list[Finding]:
    """Runs every check on this machine and on the workspace; one that fails stops no other.

    Args:
        workspace: A folder, or `s3://bucket/prefix`; it need not exist yet.
    """
    store = open_store(workspace)
    place, config = _workspace(store)
    return [
        _python(),
        *_packages(),
        *_isolated("sentence splitter", _spacy_model),
        *_isolated("Label Studio program", _label_studio_program),
        *_isolated("disk", lambda: _disk(store)),
        *place,
        *_isolated("Prefect server", prefect_server),
        *_isolated("Label Studio server", lambda: label_studio_server(config)),
    ]


def _isolated(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yields what a check finds; an error that ends it is a finding too."""
    try:
        yield from look()
    except (AlignBenchError, OSError, ValueError) as error:
        yield _failed(check, error)


def _failed(check: str, error: AlignBenchError | OSError | ValueError) -> Finding:
    if isinstance(error, AlignBenchError):
        return Finding(check, "missing", error.what, error.fix)
    if isinstance(error, OSError):
        return Finding(check, "missing", f"{error}", "See that this user may read and write it.")
    # A library refuses a setting; its text may repeat the value, password and all.
    found = f"a setting is not usable ({type(error).__name__})"
    return Finding(check, "missing", found, "Correct the address in that server's settings.")


def _python() -> Finding:
    return Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> Iterator[Finding]:
    for package, extra, purpose in (
        ("pyarrow", "", "tables and releases"),
        ("prefect", "pipeline", "stages as flows"),
        ("spacy", "pipeline", "sentence splitting"),
        ("label-studio-sdk", "pipeline", "annotation"),
        ("transformers", "models", "captioners in this process"),
        ("diffusers", "models", "image generators in this process"),
    ):
        try:
            yield Finding(package, "ok", f"{version(package)} ({purpose})")
        except PackageNotFoundError:
            yield Finding(
                package,
                "note" if extra == "models" else "missing",
                f"not installed ({purpose})",
                f"pip install 'alignbench[{extra}]'" if extra else "Reinstall alignbench.",
            )


def _spacy_model() -> Iterator[Finding]:
    from alignbench.annotation.sentences.identity import installed_splitter

    yield Finding("sentence splitter", "ok", str(installed_splitter()))


def _label_studio_program() -> Iterator[Finding]:
    from alignbench.services.label_studio import label_studio_python

    try:
        yield Finding("Label Studio program", "ok", str(label_studio_python()))
    except AlignBenchError as error:
        fix = f"{error.fix} (Not needed with a server of your own: set LABEL_STUDIO_URL.)"
        yield Finding("Label Studio program", "note", error.what, fix)


def _disk(store: ObjectStore) -> Iterator[Finding]:
    here = _nearest(store.root) if isinstance(store, LocalStore) else Path.cwd()
    free = shutil.disk_usage(here).free / 1e9
    if free < _LOW_DISK_GB:
        yield Finding("disk", "note", f"{free:.1f} GB free at {here}", "Make room.")
    else:
        yield Finding("disk", "ok", f"{free:.0f} GB free at {here}")


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _workspace(store: ObjectStore) -> tuple[list[Finding], Config | None]:
    try:
        is_workspace = _has_config(store)
    except (AlignBenchError, OSError, ValueError) as error:
        # Asked again, a store that does not answer would take its time-outs again.
        failed = _failed("workspace", error)
        rest = [
            Finding(check, "missing", "not looked at: the workspace cannot be used", failed.fix)
            for check in ("tables", "configuration")
        ]
        return [failed, *rest], None
    if not is_workspace:
        advice = "Run 'alignbench init'."
        found = f"There is no {CONFIG_KEY} in {store.url}."
        return [_future_workspace(store), Finding("configuration", "missing", found, advice)], None
    finding, config = _config(store)
    places = [
        *_isolated("workspace", lambda: _writable(store)),
        *_isolated("tables", lambda: _parts(store)),
    ]
    return [*places, finding], config


def _has_config(store: ObjectStore) -> bool:
    try:
        return store.exists(CONFIG_KEY)
    except UnsafeKeyError:  # a link; reading it says what is wrong
        return True


def _future_workspace(store: ObjectStore) -> Finding:
    """Looks at a place that is no workspace, without writing into what may be somebody else's."""
    if not isinstance(store, LocalStore):
        return Finding(
            "workspace", "note", f"{store.url} holds no workspace; writing was not tried",
            "Run 'alignbench init', then 'alignbench doctor' again.",
        )  # fmt: skip
    here = _nearest(store.root)
    if here.is_dir() and os.access(here, os.W_OK | os.X_OK):
        return Finding("workspace", "ok", f"{store.url} holds none yet and can be written")
    return Finding(
        "workspace", "missing", f"{here} cannot be written", "Choose a folder of this user's."
    )


def _writable(store: ObjectStore) -> Iterator[Finding]:
    """Writes, locks and deletes: what every stage does first."""
    name = f"doctor-{uuid.uuid4().hex}"
    probe = f"locks/{name}"
    try:
        store.create(probe, b"1")
        ignored = "If-None-Match" if store.create(probe, b"2") else None
        if isinstance(store, S3Store) and store.put_if(probe, b"3", etag=f'"{"0" * 32}"'):
            ignored = "If-Match"
        with store.lock(name):
            pass
    finally:
        store.delete(probe)
        store.delete(f"{probe}.json")  # the lock's own
    if ignored is None:
        yield Finding("workspace", "ok", f"{store.url} can be written and locked")
    else:
        yield Finding(
            "workspace", "missing", f"{store.url} does not honour {ignored} on PUT",
            "Use a store with conditional writes; two runs could not keep out of each other's way.",
        )  # fmt: skip


def _parts(store: ObjectStore) -> Iterator[Finding]:
    """Reads parts, so many at most, and compares each with its name, which is its hash."""
    read = size = 0
    problems: dict[type[AlignBenchError], list[AlignBenchError]] = {}
    is_whole = True
    listed = ((spec, part) for spec in TABLES for part in store.list(part_folder(spec.name)))
    for spec, part in listed:
        if read >= MAX_PARTS or size >= MAX_BYTES:
            is_whole = False
            break
        read += 1
        size += part.size
        try:
            Part(store, spec, part.key.rpartition("/")[2]).verify()
        except ObjectNotFoundError:  # merged into another part since it was listed
            continue
        except (CorruptPartError, NewerSchemaError) as error:
            problems.setdefault(type(error), []).append(error)
    extent = f"{read} parts read" + ("" if is_whole else f", the others not ({size / 1e6:.0f} MB)")
    for errors in problems.values():
        found = f"{len(errors)} of {extent} cannot be used, such as: {errors[0].what}"
        yield Finding("tables", "missing", found, errors[0].fix)
    if not problems:
        yield Finding("tables", "ok", f"{extent}; each is what its name says")


def _config(store: ObjectStore) -> tuple[Finding, Config | None]:
    where = f"{store.url}/{CONFIG_KEY}"
    try:
        config = parse_config(decode_config(store.read(CONFIG_KEY), where), where)
    except (AlignBenchError, OSError) as error:
        return _failed("configuration", error), None
    generators = len(config.captioners) + len(config.image_generators)
    found = f"{len(config.sources)} sources, {generators} models"
    return Finding("configuration", "ok", found), config
