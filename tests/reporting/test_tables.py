"""Tables as files."""

import pyarrow as pa

from alignbench.reporting.tables import csv_bytes, spreadsheet_safe


def test_text_that_a_spreadsheet_would_take_for_a_formula_stays_text() -> None:
    said = ["=1+1", "+49", "-", "@x", "\tx", "a=b", None]
    table = pa.table({"said": said, "number": pa.array([-1] * len(said))})
    safe = spreadsheet_safe(table)
    assert safe["said"].to_pylist() == ["'=1+1", "'+49", "'-", "'@x", "'\tx", "a=b", None]
    assert safe["number"].to_pylist() == [-1] * len(said)
    assert b"'=1+1" in csv_bytes(safe)
