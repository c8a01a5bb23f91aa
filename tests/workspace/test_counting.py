"""Counting reads few columns, and counts what reading everything finds, whatever was written."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.schemas.rows.annotation import Task
from alignbench.schemas.rows.generation import Prompt
from alignbench.schemas.tables import PROMPTS, TASKS
from alignbench.schemas.vocabulary import Purpose, TaskState
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.tables.table import Table

few = st.integers(0, 2)
tasks = st.tuples(few, st.none() | few, few, few)
"""Project, task, sentence and version: the same key comes again and again."""
parts = st.lists(st.lists(tasks, min_size=1, max_size=5), max_size=4)


def stored(text: str) -> str:
    """The text as a table can hold it."""
    return text.encode("utf-8", "replace").decode()


def task(project: int, task_id: int | None, sentence: int, version: int) -> Task:
    return Task(
        server="s",
        project_id=project,
        task_id=task_id,
        sentence_id=f"{sentence}",
        round="1",
        purpose=Purpose.LABEL,
        state=TaskState.CONFIRMED,
        version=version,
    )


@settings(deadline=None, max_examples=40)
@given(parts, st.booleans())
def test_a_versioned_table_is_counted_and_read_by_its_newest_rows(
    written: list[list[tuple[int, int | None, int, int]]], merged: bool
) -> None:
    newest: dict[tuple[int, int | None, int], int] = {}
    with tempfile.TemporaryDirectory() as folder:
        table = Table(LocalStore(Path(folder)), TASKS)
        for part in written:
            table.append([task(*row) for row in part], "run")
            for *key, version in part:
                place = (key[0], key[1], key[2])
                newest[place] = max(version, newest.get(place, version))
        if merged:
            compact(table)
        assert Table(table.store, TASKS).count() == len(newest)
        found = {
            (row.project_id, row.task_id, int(row.sentence_id)): row.version for row in table.rows()
        }
        assert found == newest


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.text(max_size=2), min_size=1, max_size=5), max_size=4), st.booleans())
def test_an_immutable_table_is_counted_by_its_keys(written: list[list[str]], merged: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Table(LocalStore(Path(folder)), PROMPTS)
        for part in written:
            rows = [
                Prompt(prompt_id=key, text="a red cube", origin="test") for key in map(stored, part)
            ]
            table.append(rows, "run")
        if merged:
            compact(table)
        keys = {stored(key) for part in written for key in part}
        assert Table(table.store, PROMPTS).count() == len(keys) == sum(1 for _ in table.rows())
