"""A table larger than memory can be scanned: what is held is keys and a batch."""

import gc

import pyarrow as pa

from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.table import Table
from tests.workspace.parts_by_hand import put_part, stamped

PARTS = 100
ROWS = 3_000
TEXT = "x" * 400


def fill(table: Table[Prompt]) -> None:
    for part in range(PARTS):
        rows = [
            Prompt(prompt_id=f"{part:04}{row:028}", text=f"{row}{TEXT}", origin="test")
            for row in range(ROWS)
        ]
        put_part(table.store, PROMPTS, stamped(PROMPTS, rows, run_id=f"{part}"))


def peak_of_scan(table: Table[Prompt]) -> tuple[int, int]:
    """Returns the rows of a scan, and the most bytes that Arrow held between its batches."""
    gc.collect()
    before = pa.total_allocated_bytes()
    rows = peak = 0
    for batch in table.scan():
        rows += len(batch)
        peak = max(peak, pa.total_allocated_bytes() - before)
    return rows, peak


def test_a_scan_does_not_hold_the_table(local_store: LocalStore) -> None:
    table = Table(local_store, PROMPTS)
    fill(table)
    whole = PARTS * ROWS * len(TEXT)  # 120 MB
    rows, peak = peak_of_scan(table)
    assert rows == PARTS * ROWS
    assert peak < whole / 4

    compact(table, merged_rows=100_000)
    assert len(table.part_names()) == 4
    rows, peak = peak_of_scan(Table(local_store, PROMPTS))
    assert rows == PARTS * ROWS
    assert peak < whole / 2
