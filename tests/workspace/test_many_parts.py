"""A table in very many tiny parts is read, named, and merged in bounded memory."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.tables import QUARANTINE
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables import compact as module
from alignbench.workspace.tables.compact import compact, crowded_tables
from alignbench.workspace.tables.parts import encode_part
from alignbench.workspace.tables.table import Table
from tests.workspace.parts_by_hand import stamped

ALIGNBENCH = Path(sys.executable).parent / "alignbench"
NOON = datetime(2026, 1, 1, tzinfo=UTC)
TINY_PARTS = 100_000
OPEN_FILES = 256


def row(number: int) -> QuarantinedAnnotation:
    return QuarantinedAnnotation(
        server="s", project_id=1, annotation_id=number, task_id=number, code="AB-A31",
        reason="a test", raw="{}", updated_at=NOON,
    )  # fmt: skip


def numbers(store: ObjectStore) -> list[int]:
    return sorted(found.annotation_id for found in Table(store, QUARANTINE).rows())


def test_a_table_in_many_parts_is_named(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MANY_PARTS", 3)
    table = Table(store, QUARANTINE)
    for number in range(3):
        assert crowded_tables(store) == {}
        table.append([row(number)], "run")
    assert crowded_tables(store) == {"quarantine": 3}


def test_a_merge_of_many_parts_has_all_their_rows(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HELD_PARTS", 2)
    table = Table(store, QUARANTINE)
    for number in range(7):
        table.append([row(number), row(number + 1)], "run")
    assert compact(table).parts_after == 1
    assert numbers(store) == list(range(8))


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_tiny_parts_are_survived(tmp_path: Path) -> None:
    folder = tmp_path / "tables" / "quarantine"
    folder.mkdir(parents=True)
    (tmp_path / "alignbench.toml").write_text('name = "tiny"\n')
    rows = stamped(QUARANTINE, [row(number) for number in range(TINY_PARTS)])
    for number in range(TINY_PARTS):
        name, data = encode_part(QUARANTINE.name, rows.slice(number, 1))
        (folder / name).write_bytes(data)
    said = alignbench(tmp_path, "status")
    assert f"Table quarantine is in {TINY_PARTS:,} parts" in said
    assert set_aside(tmp_path) == TINY_PARTS
    assert f"{TINY_PARTS:,} parts became 1" in alignbench(tmp_path, "compact")
    assert set_aside(tmp_path) == TINY_PARTS
    assert numbers(LocalStore(tmp_path)) == list(range(TINY_PARTS))


def set_aside(root: Path) -> int:
    counts = json.loads(alignbench(root, "status", "--json"))
    [pulled] = [count["failed"] for count in counts if count["stage"] == "pull"]
    return int(pulled)


def alignbench(root: Path, *arguments: str) -> str:
    """Runs a command that may have few files open; returns what it prints."""
    limited = f'ulimit -n {OPEN_FILES} && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limited, "sh", ALIGNBENCH, "-C", root, *arguments],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
