"""Looking up rows of one Arrow table for the keys of another, keeping the order of the latter."""

import pyarrow as pa
import pyarrow.compute as pc


def looked_up(keys: pa.ChunkedArray, table: pa.Table, column: str) -> pa.Table:
    """Returns for each key the row of `table` whose `column` equals it; a row of nulls if none.

    Keys of `table` are unique; if they are not, the first counts.
    """
    if not len(table):
        columns = [pa.nulls(len(keys), field.type) for field in table.schema]
        return pa.Table.from_arrays(columns, names=table.schema.names)
    place = pc.index_in(keys, value_set=table.column(column).combine_chunks())
    return table.take(place)


def unmatched(keys: pa.ChunkedArray, table: pa.Table, column: str) -> list[str]:
    """Returns the keys that have no row in `table`, up to ten of them."""
    known = table.column(column).combine_chunks()
    missing = keys.filter(pc.invert(pc.is_in(keys, value_set=known)))
    found: list[str] = missing.slice(0, 10).to_pylist()
    return found
