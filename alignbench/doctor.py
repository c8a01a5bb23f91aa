"""`alignbench doctor`: is everything there that a run needs, and if not, what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from schemas.config import Config, parse_config
from schemas.errors import AlignBenchError
from workspace.integrity import verify_parts
from workspace.store import ObjectStore
from workspace.workspace import CONFIG_KEY, Workspace, open_store

State = Literal["ok", "missing", "note"]
_LOW_DISK_GB = 5


class Finding(NamedTuple):
    """What one check found.

    Attributes:
        check: What was looked at.
        state: `ok`; `missing` if a run would fail; `note` if only something optional is not there.
        found: What is there.
        fix: What to do; empty where all is well.
    """

    check: str
    state: State
    found: str
    fix: str = ""

    def line(self) -> str:
        """Returns the finding as one line for people."""
        mark = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}[self.state]
        advice = f"\n          -> {self.fix}" if self.fix else ""
        return f"{mark}  {self.check}: {self.found}{advice}"


def examine(workspace: str) -> list[Finding]:
    """Runs every check on this machine and on the workspace.

    Args:
        workspace: A folder, or `s3://bucket/prefix`; it need not exist yet.
    """
    findings = [_python(), *_packages(), _spacy_model(), _label_studio_program()]
    store = open_store(workspace)
    findings += [_disk(workspace), _writable(store), _parts(store)]
    config = _config(store)
    findings.append(config[0])
    findings += [_prefect_server(), _label_studio_server(config[1])]
    return findings


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


def _spacy_model() -> Finding:
    try:
        from annotation.sentences.identity import installed_splitter

        return Finding("sentence splitter", "ok", str(installed_splitter()))
    except AlignBenchError as error:
        return Finding("sentence splitter", "missing", error.what, error.fix)


def _label_studio_program() -> Finding:
    from alignbench.services.label_studio import label_studio_python

    try:
        return Finding("Label Studio program", "ok", str(label_studio_python()))
    except AlignBenchError as error:
        fix = f"{error.fix} (Not needed with a server of your own: set LABEL_STUDIO_URL.)"
        return Finding("Label Studio program", "note", error.what, fix)


def _disk(workspace: str) -> Finding:
    here = Path.cwd() if workspace.startswith("s3://") else Path(workspace).resolve()
    while not here.exists():
        here = here.parent
    free = shutil.disk_usage(here).free / 1e9
    if free < _LOW_DISK_GB:
        return Finding("disk", "note", f"{free:.1f} GB free at {here}", "Make room.")
    return Finding("disk", "ok", f"{free:.0f} GB free at {here}")


def _writable(store: ObjectStore) -> Finding:
    """Writes, locks and deletes: what every stage does first."""
    probe = "locks/doctor-probe"
    try:
        first = store.create(probe, b"1")
        second = store.create(probe, b"2")
        store.delete(probe)
        with store.lock("doctor"):
            pass
    except (AlignBenchError, OSError) as error:
        what, fix = (
            (error.what, error.fix)
            if isinstance(error, AlignBenchError)
            else (str(error), "Make the folder writable for this user.")
        )
        return Finding("workspace", "missing", what, fix)
    if not first or second:
        return Finding(
            "workspace",
            "missing",
            f"{store.url} does not honour If-None-Match on PUT",
            "Use a store with conditional writes; two runs could not keep out of each other's way.",
        )
    return Finding("workspace", "ok", f"{store.url} can be written and locked")


def _parts(store: ObjectStore) -> Finding:
    """Reads every part and compares it with its name, which is its hash."""
    damaged = [str(error) for table in Workspace(store).tables() for error in verify_parts(table)]
    if damaged:
        return Finding("tables", "missing", damaged[0], "Restore the part from a backup.")
    return Finding("tables", "ok", "every part is what its name says")


def _config(store: ObjectStore) -> tuple[Finding, Config | None]:
    try:
        text = store.read(CONFIG_KEY).decode()
        config = parse_config(text, f"{store.url}/{CONFIG_KEY}")
    except AlignBenchError as error:
        fix = error.fix if store.exists(CONFIG_KEY) else "Run 'alignbench init'."
        return Finding("configuration", "missing", error.what, fix), None
    generators = len(config.captioners) + len(config.image_generators)
    found = f"{len(config.sources)} sources, {generators} models"
    return Finding("configuration", "ok", found), config


def _prefect_server() -> Finding:
    url = os.environ.get("PREFECT_API_URL")
    if url is None:
        return Finding(
            "Prefect server", "note", "none configured; stages run in this process",
            "'alignbench services up' starts one, or set PREFECT_API_URL.",
        )  # fmt: skip
    return _answering("Prefect server", f"{url.rstrip('/')}/health", url, _get)


def _label_studio_server(config: Config | None) -> Finding:
    url = (config.annotation.url if config else None) or os.environ.get("LABEL_STUDIO_URL")
    if url is None:
        return Finding(
            "Label Studio server", "note", "none configured",
            "'alignbench services up' starts one, or set LABEL_STUDIO_URL.",
        )  # fmt: skip
    if not os.environ.get("LABEL_STUDIO_API_KEY"):
        return Finding(
            "Label Studio server", "missing", f"{url}, but LABEL_STUDIO_API_KEY is not set",
            "Set it to the access token of an account of that server.",
        )  # fmt: skip
    return _answering("Label Studio server", f"{url.rstrip('/')}/health", url, _get)


def _get(url: str) -> int:
    import httpx

    return httpx.get(url, timeout=5, trust_env=False, follow_redirects=True).status_code


def _answering(check: str, health: str, url: str, get: Callable[[str], int]) -> Finding:
    if find_spec("httpx") is None:
        return Finding(check, "missing", "httpx is not installed", "Install alignbench[pipeline].")
    import httpx

    try:
        status = get(health)
    except httpx.HTTPError as error:
        return Finding(
            check, "missing", f"{url} does not answer ({type(error).__name__})",
            "Start it, or correct its address.",
        )  # fmt: skip
    if status != httpx.codes.OK:
        return Finding(check, "missing", f"{url} answers {status}", "See the server's log.")
    return Finding(check, "ok", url)
