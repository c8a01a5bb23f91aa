"""A part proves its integrity, and says which schema it was written with."""

import hashlib

import pyarrow as pa
import pytest

from alignbench.schemas.errors import NewerSchemaError
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import ORIGINS, PROMPTS, SCHEMA_VERSION
from alignbench.workspace.errors import CorruptPartError
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.integrity import verify_parts
from alignbench.workspace.tables.table import Table
from tests.workspace.parts_by_hand import put_file, stamped
from tests.workspace.test_tables import prompt

CURRENT = {b"alignbench.table": b"prompts", b"alignbench.schema_version": b"1"}


@pytest.fixture
def prompts(store: ObjectStore) -> Table[Prompt]:
    return Table(store, PROMPTS)


def flip(store: ObjectStore, key: str, position: int) -> None:
    data = bytearray(store.read(key))
    data[position] ^= 1
    store.write(key, bytes(data))


def test_the_name_of_a_part_is_the_hash_of_its_bytes(prompts: Table[Prompt]) -> None:
    for number in range(3):
        prompts.append([prompt(f"{number}")], "run")
    compact(prompts, merged_rows=2)
    names = prompts.part_names()
    for name in names:
        data = prompts.store.read(f"tables/prompts/{name}")
        assert name == f"part-{hashlib.sha256(data).hexdigest()[:32]}.parquet"
    assert len(names) == 2


def test_verifying_finds_every_flipped_bit(prompts: Table[Prompt]) -> None:
    name = prompts.append([prompt("a", "some text"), prompt("b", "more text")], "run")
    key = f"tables/prompts/{name}"
    whole = prompts.store.read(key)
    assert list(verify_parts(prompts)) == []
    for position in range(0, len(whole), 97):
        flip(prompts.store, key, position)
        (error,) = verify_parts(prompts)
        assert key in error.what
        prompts.store.write(key, whole)


def test_damage_is_never_merged_into_a_part_with_a_valid_name(prompts: Table[Prompt]) -> None:
    name = prompts.append([prompt("a", "some text"), prompt("b", "more text")], "run")
    prompts.append([prompt("c")], "run")
    before = prompts.part_names()
    flip(prompts.store, f"tables/prompts/{name}", 60)
    with pytest.raises(CorruptPartError):
        compact(prompts)
    assert prompts.part_names() == before


@pytest.mark.parametrize(("version", "column"), [(SCHEMA_VERSION, "text"), (0, "prompt_id")])
def test_a_part_that_lacks_a_column_it_must_have_is_refused(
    prompts: Table[Prompt], version: int, column: str
) -> None:
    without = stamped(PROMPTS, [prompt("a")]).drop_columns([column])
    metadata = {**CURRENT, b"alignbench.schema_version": b"%d" % version}
    put_file(prompts.store, PROMPTS, without, metadata)
    with pytest.raises(CorruptPartError, match=f"no column {column}"):
        prompts.count()


def test_a_damaged_page_is_named_when_it_is_read(prompts: Table[Prompt]) -> None:
    name = prompts.append([prompt(f"{number:04}") for number in range(500)], "run")
    flip(prompts.store, f"tables/prompts/{name}", 200)
    with pytest.raises(CorruptPartError) as caught:
        list(prompts.rows())
    assert str(name) in caught.value.what
    assert prompts.store.url in caught.value.what


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not Parquet at all, but long enough to look"])
def test_a_file_that_is_not_parquet_is_refused(prompts: Table[Prompt], data: bytes) -> None:
    prompts.store.write("tables/prompts/part-0.parquet", data)
    with pytest.raises(CorruptPartError, match=r"part-0\.parquet"):
        prompts.count()
    assert [type(error) for error in verify_parts(prompts)] == [CorruptPartError]


def test_a_cut_part_is_refused(prompts: Table[Prompt]) -> None:
    key = f"tables/prompts/{prompts.append([prompt('a')], 'run')}"
    prompts.store.write(key, prompts.store.read(key)[:-10])
    with pytest.raises(CorruptPartError):
        prompts.count()


@pytest.mark.parametrize("metadata", [{}, {**CURRENT, b"alignbench.table": ORIGINS.name.encode()}])
def test_a_foreign_file_is_refused(prompts: Table[Prompt], metadata: dict[bytes, bytes]) -> None:
    key = put_file(prompts.store, PROMPTS, stamped(PROMPTS, [prompt("a")]), metadata)
    with pytest.raises(CorruptPartError, match="not a part of table prompts") as caught:
        prompts.count()
    assert key in caught.value.what


def test_a_part_of_a_newer_schema_is_refused(prompts: Table[Prompt]) -> None:
    newer = {**CURRENT, b"alignbench.schema_version": b"%d" % (SCHEMA_VERSION + 1)}
    put_file(prompts.store, PROMPTS, stamped(PROMPTS, [prompt("a")]), newer)
    with pytest.raises(NewerSchemaError) as caught:
        prompts.count()
    assert str(caught.value).startswith("AB-W01: ")
    assert "Upgrade" in caught.value.fix
    with pytest.raises(NewerSchemaError):
        compact(prompts)


class TestOlderParts:
    """Parts of version 0: from before `concepts` was a column, and with a wider `origin`."""

    @pytest.fixture
    def older(self, prompts: Table[Prompt]) -> Table[Prompt]:
        table = stamped(PROMPTS, [prompt("old", "old text")]).drop_columns(["concepts"])
        column = table.schema.get_field_index("origin")
        table = table.set_column(column, "origin", table["origin"].cast(pa.large_string()))
        put_file(prompts.store, PROMPTS, table, {b"alignbench.table": b"prompts"})
        return prompts

    def test_are_cast_with_their_new_columns_null(self, older: Table[Prompt]) -> None:
        table = older.read()
        assert table["concepts"].to_pylist() == [None]
        assert table.schema.field("origin").type == pa.string()
        (row,) = older.rows()
        assert row == Prompt(prompt_id="old", text="old text", origin="test", concepts=())

    def test_are_read_beside_newer_ones(self, older: Table[Prompt]) -> None:
        older.append([prompt("new")], "run")
        assert {row.prompt_id: row.concepts for row in older.rows()} == {
            "old": (),
            "new": ("cube",),
        }

    def test_can_be_asked_for_new_columns_alone(self, older: Table[Prompt]) -> None:
        (batch,) = older.scan(["concepts"])
        assert batch["concepts"].to_pylist() == [None]

    def test_become_current_when_they_are_merged(self, older: Table[Prompt]) -> None:
        key = f"tables/prompts/{older.part_names()[0]}"
        data = older.store.read(key)
        older.store.delete(key)
        name = f"part-{hashlib.sha256(data).hexdigest()[:32]}.parquet"
        older.store.write(f"tables/prompts/{name}", data)
        older.append([prompt("new")], "run")
        assert compact(older).parts_after == 1
        assert name not in older.part_names()
        assert {row.prompt_id: row.concepts for row in older.rows()} == {
            "old": (),
            "new": ("cube",),
        }
