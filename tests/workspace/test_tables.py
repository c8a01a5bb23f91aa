"""What a reader of a table sees, whatever was written twice and however it was merged."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alignbench.schemas.columns import to_batch
from alignbench.schemas.rows.annotation import Task, Withdrawn
from alignbench.schemas.rows.generation import Origin, Prompt
from alignbench.schemas.rows.runs import Failure
from alignbench.schemas.tables import FAILURES, ORIGINS, PROMPTS, TASKS, WITHDRAWN, TableSpec
from alignbench.schemas.vocabulary import FailureKind, Purpose, StageName, TaskState
from alignbench.workspace.stores.store import ObjectStore
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.table import Table
from tests.workspace.parts_by_hand import NOON, put_part, stamped


def prompt(key: str, text: str = "a red cube") -> Prompt:
    return Prompt(prompt_id=key, text=text, origin="test", concepts=("cube",))


def withdrawn(key: str, version: int, reason: str = "asked") -> Withdrawn:
    return Withdrawn(kind="image", id=key, reason=reason, version=version)


def task(sentence: str, task_id: int | None, version: int) -> Task:
    return Task(
        server="http://localhost",
        project_id=1,
        task_id=task_id,
        sentence_id=sentence,
        round="1",
        purpose=Purpose.LABEL,
        state=TaskState.INTENDED if task_id is None else TaskState.CONFIRMED,
        version=version,
    )


@pytest.fixture
def prompts(store: ObjectStore) -> Table[Prompt]:
    return Table(store, PROMPTS)


class TestReading:
    def test_rows_come_back_as_they_were_written(self, prompts: Table[Prompt]) -> None:
        rows = [prompt("a", "emoji \U0001f600"), prompt("b", "line\nbreak")]
        prompts.append(rows, "run-1")
        prompts.append([prompt("c")], "run-2")
        assert sorted(prompts.rows(), key=lambda row: row.prompt_id) == [*rows, prompt("c")]
        assert prompts.count() == 3

    def test_every_row_is_stamped_with_its_run(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt("a"), prompt("b")], "run-1")
        stamps = prompts.read(["created_at", "run_id"])
        assert stamps["run_id"].to_pylist() == ["run-1", "run-1"]
        assert stamps.schema.field("created_at").type == pa.timestamp("us", tz="UTC")

    def test_a_table_never_written_is_empty(self, prompts: Table[Prompt]) -> None:
        assert prompts.count() == 0
        assert list(prompts.scan()) == []
        assert list(prompts.rows()) == []
        assert len(prompts.keys()) == 0
        assert prompts.part_names() == []
        empty = prompts.read()
        assert (len(empty), empty.schema.names) == (0, PROMPTS.schema.names)

    def test_no_rows_make_no_part(self, prompts: Table[Prompt]) -> None:
        assert prompts.append([], "run") is None
        assert prompts.part_names() == []

    def test_rows_that_come_some_at_a_time_are_one_part(self, prompts: Table[Prompt]) -> None:
        rows = [prompt(key) for key in "abcde"]
        tables = [
            pa.Table.from_batches([to_batch(Prompt, rows[start:][:2])]) for start in (0, 2, 4)
        ]
        prompts.append_batches(iter([*tables, tables[0].slice(0, 0)]), "run-1")
        assert len(prompts.part_names()) == 1
        assert list(prompts.rows()) == rows
        assert len(pc.unique(prompts.read(["created_at"])["created_at"])) == 1
        assert prompts.append_batches(iter([tables[0].slice(0, 0)]), "run-2") is None

    def test_only_the_columns_asked_for_are_read(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt("a")], "run")
        (batch,) = prompts.scan(["text", "prompt_id"])
        assert batch.schema.names == ["text", "prompt_id"]

    def test_a_filter_keeps_what_it_says(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt("a", "one"), prompt("b", "two")], "run")
        prompts.append([prompt("c", "one")], "run")
        where = pc.field("text") == "one"
        assert sorted(prompts.read(["prompt_id", "text"], where)["prompt_id"].to_pylist()) == [
            "a",
            "c",
        ]
        assert {row.prompt_id for row in prompts.rows(where)} == {"a", "c"}
        assert prompts.read(["text"], pc.field("text") == "none").num_rows == 0

    def test_a_batch_is_never_larger_than_asked(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt(f"{number:03}") for number in range(25)], "run")
        sizes = [len(batch) for batch in prompts.scan(["prompt_id"], batch_rows=10)]
        assert sizes == [10, 10, 5]

    def test_keys_are_of_the_columns_asked_for(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt("a", "one"), prompt("b", "one"), prompt("c", "two")], "run")
        assert len(prompts.keys()) == 3
        assert "a" in prompts.keys()  # noqa: SIM118 - a set of keys, not a dictionary
        texts = prompts.keys("text")
        assert len(texts) == 2
        filtered = prompts.keys(
            "prompt_id", where=pc.field("text") == "two", filter_columns=["text"]
        )
        assert len(filtered) == 1
        assert "c" in filtered

    def test_a_row_without_a_needed_value_is_not_written(self, prompts: Table[Prompt]) -> None:
        with pytest.raises(pa.ArrowInvalid, match="nulls"):
            prompts.append([prompt(None)], "run")  # type: ignore[arg-type]
        assert prompts.part_names() == []

    def test_files_that_are_no_parts_are_passed_over(self, prompts: Table[Prompt]) -> None:
        prompts.append([prompt("a")], "run")
        prompts.store.write("tables/prompts/README.txt", b"notes")
        prompts.store.write("tables/prompts_old/part-0.parquet", b"not of this table")
        assert prompts.count() == 1


class TestKeysWrittenTwice:
    def test_the_oldest_row_of_an_immutable_table_wins(self, prompts: Table[Prompt]) -> None:
        ages = [("newer", NOON + timedelta(microseconds=1)), ("oldest", NOON)]
        for text, created_at in ages:
            put_part(prompts.store, PROMPTS, stamped(PROMPTS, [prompt("a", text)], created_at))
        assert [row.text for row in prompts.rows()] == ["oldest"]
        assert prompts.count() == 1

    def test_the_highest_version_of_a_versioned_table_wins(self, store: ObjectStore) -> None:
        table = Table(store, WITHDRAWN)
        for version in (2, 10, 9):
            table.append([withdrawn("a", version), withdrawn("b", -version)], "run")
        versions = {row.id: row.version for row in table.rows()}
        assert versions == {"a": 10, "b": -2}

    def test_the_last_attempt_of_a_failure_counts(self, store: ObjectStore) -> None:
        table = Table(store, FAILURES)
        for attempts in (1, 3, 2):
            failure = Failure(
                stage=StageName.CAPTION,
                key="item",
                scope="captioner",
                kind=FailureKind.FAILED,
                code="AB-G00",
                message="broken",
                attempts=attempts,
            )
            table.append([failure], "run")
        assert [row.attempts for row in table.rows()] == [3]

    @pytest.mark.parametrize("spec", [PROMPTS, WITHDRAWN], ids=lambda spec: spec.name)
    def test_a_tie_goes_the_same_way_in_every_order(
        self, new_store: Callable[[], ObjectStore], spec: TableSpec[Any]
    ) -> None:
        texts = [f"text {number}" for number in range(6)]
        winners = set()
        for seed in range(4):
            order = random.Random(seed).sample(texts, 6)
            store = new_store()
            table = Table(store, spec)
            for group in (order[:1], order[1:3], order[3:]):
                rows = [
                    prompt("a", text) if spec is PROMPTS else withdrawn("a", 1, text)
                    for text in group
                ]
                put_part(store, table.spec, stamped(table.spec, rows))
            before = list(table.rows())
            assert len(before) == 1
            compact(table)
            assert list(table.rows()) == before
            winners.add(before[0])
        assert len(winners) == 1

    def test_of_rows_that_are_wholly_the_same_one_is_left(self, prompts: Table[Prompt]) -> None:
        put_part(prompts.store, PROMPTS, stamped(PROMPTS, [prompt("a"), prompt("a"), prompt("b")]))
        put_part(prompts.store, PROMPTS, stamped(PROMPTS, [prompt("c"), prompt("a")]))
        assert sorted(row.prompt_id for row in prompts.rows()) == ["a", "b", "c"]
        compact(prompts)
        assert sorted(row.prompt_id for row in prompts.rows()) == ["a", "b", "c"]

    def test_the_same_commit_done_twice_is_one_part(self, prompts: Table[Prompt]) -> None:
        rows = stamped(PROMPTS, [prompt("a")])
        assert put_part(prompts.store, PROMPTS, rows) == put_part(prompts.store, PROMPTS, rows)
        assert len(prompts.part_names()) == 1

    def test_a_null_in_a_key_is_a_value_like_others(self, store: ObjectStore) -> None:
        table = Table(store, TASKS)
        table.append([task("s1", None, 1), task("s2", None, 1)], "run")
        table.append([task("s1", 7, 2), task("s1", None, 2)], "run")
        found = {(row.sentence_id, row.task_id, row.version) for row in table.rows()}
        assert found == {("s1", None, 2), ("s2", None, 1), ("s1", 7, 2)}
        assert len(table.keys()) == 3
        assert len(table.keys("task_id")) == 1

    def test_a_large_tie_costs_one_pass_over_each_part(self, prompts: Table[Prompt]) -> None:
        rows = [prompt(f"{number:05}") for number in range(5000)]
        for run in ("run-1", "run-2"):
            put_part(prompts.store, PROMPTS, stamped(PROMPTS, rows, run_id=run))
        counting = CountingStore(prompts.store)
        assert Table(counting, PROMPTS).count() == 5000  # type: ignore[arg-type]
        assert counting.opened < 20


class TestManyTables:
    def test_tables_of_one_store_do_not_mix(self, store: ObjectStore) -> None:
        origins = Table(store, ORIGINS)
        origins.append(
            [Origin(origin_id="o", image_id="i", source="s", locator="l", image_name="n")], "run"
        )
        prompts = Table(store, PROMPTS)
        prompts.append([prompt("a")], "run")
        assert origins.count() == prompts.count() == 1

    def test_a_reader_sees_what_another_appended(self, prompts: Table[Prompt]) -> None:
        reader = Table(prompts.store, PROMPTS)
        assert reader.count() == 0
        for expected in (1, 2):
            prompts.append([prompt(f"{expected}")], "run")
            assert reader.count() == expected


class CountingStore:
    """A store that counts how often something is opened."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.opened = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def open(self, key: str) -> pa.NativeFile:
        self.opened += 1
        return self._store.open(key)
