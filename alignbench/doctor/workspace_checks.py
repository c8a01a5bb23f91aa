"""The checks of `alignbench doctor` that look into the workspace: store, tables, configuration."""

import os
import uuid
from collections.abc import Iterator

from alignbench.doctor.check_result import CheckResult, failure, results_or_failure
from alignbench.doctor.machine_checks import nearest_that_exists
from alignbench.schemas.configuration.config import Config, decode_config, parse_config
from alignbench.schemas.errors import AlignBenchError, NewerSchemaError
from alignbench.schemas.tables import TABLES
from alignbench.workspace.errors import CorruptPartError, ObjectNotFoundError, UnsafeKeyError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.s3 import S3Store
from alignbench.workspace.stores.s3_answers import BASIC_SETTING
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.parts import Part, part_folder
from alignbench.workspace.workspace import CONFIG_KEY

MAX_PARTS = 2000
"""How many parts are read at most."""
MAX_BYTES = 200_000_000
"""After how many bytes no further part is read."""


def workspace_and_configuration(store: ObjectStore) -> tuple[list[CheckResult], Config | None]:
    """Checks store, tables and configuration; returns the configuration too, if it is usable."""
    try:
        is_workspace = _has_config(store)
    except (AlignBenchError, OSError, ValueError) as error:
        # Asked again, a store that does not answer would take its time-outs again.
        failed = failure("workspace", error)
        rest = [
            CheckResult(check, "missing", "not checked: the workspace cannot be used", failed.fix)
            for check in ("tables", "configuration")
        ]
        return [failed, *rest], None
    if not is_workspace:
        found = f"There is no {CONFIG_KEY} in {store.url}."
        no_config = CheckResult("configuration", "missing", found, "Run 'alignbench init'.")
        return [_future_workspace(store), no_config], None
    configuration, config = _config(store)
    places = [
        *results_or_failure("workspace", lambda: _writable(store)),
        *results_or_failure("tables", lambda: _parts(store)),
    ]
    return [*places, configuration], config


def _has_config(store: ObjectStore) -> bool:
    try:
        return store.exists(CONFIG_KEY)
    except UnsafeKeyError:  # a link; reading it says what is wrong
        return True


def _future_workspace(store: ObjectStore) -> CheckResult:
    """Looks at a place that is no workspace, without writing into what may be somebody else's."""
    if not isinstance(store, LocalStore):
        return CheckResult(
            "workspace", "note", f"{store.url} holds no workspace; writing was not tried",
            "Run 'alignbench init', then 'alignbench doctor' again.",
        )  # fmt: skip
    here = nearest_that_exists(store.root)
    if here.is_dir() and os.access(here, os.W_OK | os.X_OK):
        return CheckResult(
            "workspace", "ok", f"{store.url} holds no workspace yet and can be written"
        )
    return CheckResult(
        "workspace",
        "missing",
        f"{here} cannot be written",
        "Choose a folder that this user may write.",
    )


def _writable(store: ObjectStore) -> Iterator[CheckResult]:
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
    if ignored is None and isinstance(store, S3Store) and store.is_basic:
        yield CheckResult(
            "workspace", "note",
            f"{store.url} can be written; with {BASIC_SETTING} no lock proves that a run is alone",
            "Start one run of a stage at a time in this workspace.",
        )  # fmt: skip
    elif ignored is None:
        yield CheckResult("workspace", "ok", f"{store.url} can be written and locked")
    else:
        yield CheckResult(
            "workspace", "missing", f"{store.url} does not honour {ignored} on PUT",
            "Two runs could not keep out of each other's way: use a store with conditional writes, "
            f"or set {BASIC_SETTING}=1 and start one run of a stage at a time.",
        )  # fmt: skip


def _parts(store: ObjectStore) -> Iterator[CheckResult]:
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
        yield CheckResult("tables", "missing", found, errors[0].fix)
    if not problems:
        yield CheckResult("tables", "ok", f"{extent}; each matches the hash in its name")


def _config(store: ObjectStore) -> tuple[CheckResult, Config | None]:
    where = f"{store.url}/{CONFIG_KEY}"
    try:
        config = parse_config(decode_config(store.read(CONFIG_KEY), where), where)
    except (AlignBenchError, OSError) as error:
        return failure("configuration", error), None
    generators = len(config.captioners) + len(config.image_generators)
    found = f"{len(config.sources)} sources, {generators} models"
    return CheckResult("configuration", "ok", found), config
