from pathlib import Path

import pyarrow as pa
import pytest

from alignbench.annotation.pushing.ordering import (
    CONTEXT_CHARACTERS,
    KEY_COLUMNS,
    caption_after,
    caption_before,
    ordered_sentences,
)
from alignbench.schemas.columns import arrow_schema
from alignbench.schemas.rows.generation import Sentence
from alignbench.workspace.selection import Selection
from tests.annotation.workspaces import CAPTION, GENERATOR, prepare


def _order(table: pa.Table) -> list[tuple[str, str, int]]:
    columns = (table[name].to_pylist() for name in ("image_id", "pair_id", "sentence_index"))
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("range_sentences", [1, 7, 50_000])
def test_sentences_come_image_by_image_however_they_are_cut(
    tmp_path: Path, range_sentences: int
) -> None:
    workspace, selection = prepare(tmp_path, images=12, captions=2)
    tables = list(ordered_sentences(workspace, selection, range_sentences=range_sentences))
    found = pa.concat_tables(tables)
    assert len(found) == 12 * 2 * len(CAPTION)
    assert _order(found) == sorted(_order(found))
    assert len(set(found["sentence_id"].to_pylist())) == len(found)
    if range_sentences == 7:
        assert len(tables) > 1
    keys = pa.concat_tables(ordered_sentences(workspace, selection, keys_only=True))
    assert keys.column_names == list(KEY_COLUMNS)
    assert keys["sentence_id"].equals(found["sentence_id"])


def test_a_sentence_comes_with_the_caption_around_it(tmp_path: Path) -> None:
    workspace, selection = prepare(tmp_path, images=1)
    [found] = ordered_sentences(workspace, selection)
    assert set(arrow_schema(Sentence).names) < set(found.column_names)
    caption = " ".join(CAPTION)
    for row in found.to_pylist():
        assert row["before"] + row["text"] + row["after"] == caption
        assert row["sentence_count"] == 3
        assert row["blob"].endswith(f"{row['image_id']}.png")


def test_what_is_not_selected_is_left_out(tmp_path: Path) -> None:
    workspace, selection = prepare(tmp_path, generators=(GENERATOR, "generator-b"))
    [found] = ordered_sentences(workspace, selection)
    assert set(found["generator_id"].to_pylist()) == {GENERATOR}
    assert list(ordered_sentences(workspace, Selection((GENERATOR,), None))) == []
    assert list(ordered_sentences(workspace, Selection((GENERATOR,), "other"))) == []


def test_a_long_caption_is_shown_in_part() -> None:
    caption = "word " * 5000
    before, after = caption_before(caption, 12_500), caption_after(caption, 12_504)
    assert before.startswith("…word ")
    assert after.endswith(" word…")
    assert max(len(before), len(after)) <= CONTEXT_CHARACTERS
    assert caption.find(before[1:]) >= 0
