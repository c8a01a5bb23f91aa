"""Images that belong together are on one side, and sides are kept from release to release."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.release.build import build_release
from alignbench.release.errors import SplitConflictError
from alignbench.release.labels.compute import compute_labels
from alignbench.release.splits.near_duplicates import differing_bits, near_pairs
from alignbench.release.splits.splits import LINK_SCHEMA, OLD_SCHEMA, deal
from alignbench.release.verify.verify import verify
from alignbench.release_format.errors import NotAReleaseError
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace
from tests.release.benchmark import (
    CONFIG,
    add_real_image,
    answers,
    append,
    make_rows,
    released_folder,
    sentences,
)
from tests.release.test_build import table_of

SHARES = {"train": 0.5, "test": 0.5}


def links(*rows: tuple[str, str | None, str | None]) -> pa.Table:
    columns = zip(*((image, prompt, hash_, 1) for image, prompt, hash_ in rows), strict=True)
    return pa.table([list(column) for column in columns], schema=LINK_SCHEMA)


def old(*rows: tuple[str, str | None, str | None, str]) -> pa.Table:
    return pa.table([list(c) for c in zip(*rows, strict=True)], schema=OLD_SCHEMA)


def side_of(sides) -> dict[str, str]:
    return {image: name for name, images in sides.by_split.items() for image in images.to_pylist()}


def far(number: int) -> str:
    """A hash that no other of these is near to."""
    return f"{random.Random(number).getrandbits(64):016x}"


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=40, unique=True),
    st.integers(0, 8), st.integers(0, 63), st.integers(0, 63),
)  # fmt: skip
def test_every_near_pair_is_found_and_no_other(hashes, distance, one, other):
    hashes = list(
        dict.fromkeys([*hashes, hashes[0] ^ (1 << one), hashes[0] ^ (1 << one | 1 << other)])
    )
    values = np.array(hashes, dtype=np.uint64)
    found = {
        tuple(sorted(pair)) for pairs in near_pairs(values, distance) for pair in pairs.tolist()
    }
    expected = {
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if bin(hashes[i] ^ hashes[j]).count("1") <= distance
    }
    assert found == expected
    assert int(differing_bits(values[:1], values[:1])[0]) == 0


def test_images_of_one_prompt_and_near_duplicates_are_on_one_side():
    near = f"{int(far(1), 16) ^ 0b1011:016x}"
    table = links(
        ("a", "p1", far(1)), ("b", "p1", far(2)), ("c", None, near), ("d", "p2", near),
        *((f"x{number}", None, far(number + 10)) for number in range(20)),
    )  # fmt: skip
    sides = side_of(deal(table, SHARES, near_duplicates=4))
    assert len(sides) == 24
    assert sides["a"] == sides["b"] == sides["c"] == sides["d"]
    assert set(sides.values()) == {"train", "test"}


def test_shares_are_met_as_closely_as_the_components_allow():
    table = links(*((f"{number:03d}", None, far(number)) for number in range(100)))
    sides = deal(table, {"train": 7, "validation": 1, "test": 2}, near_duplicates=2)
    assert [len(images) for images in sides.by_split.values()] == [70, 10, 20]


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_the_rows_changes_nothing(seed):
    rows = [(f"i{n % 7}", f"p{n % 5}" if n % 3 else None, far(n % 7)) for n in range(20)]
    shuffled = random.Random(seed).sample(rows, len(rows))
    first = deal(links(*rows), SHARES, near_duplicates=4)
    assert side_of(first) == side_of(deal(links(*shuffled), SHARES, near_duplicates=4))


def test_old_images_and_prompts_keep_their_side_and_draw_what_belongs_to_them_along():
    before = old(
        ("gone", None, far(1), "test"), ("a", "p1", far(2), "test"), ("b", None, far(3), "train"),
    )  # fmt: skip
    table = links(
        ("a", "p1", far(2)), ("b", None, far(3)), ("new", "p1", far(4)), ("twin", None, far(1)),
    )  # fmt: skip
    found = deal(table, SHARES, 4, before)
    assert side_of(found) == {"a": "test", "b": "train", "new": "test", "twin": "test"}


def test_an_image_that_belongs_to_two_sides_is_on_none():
    before = old(("a", "p1", far(2), "test"), ("b", None, far(3), "train"))
    table = links(("a", "p1", far(2)), ("b", None, far(3)), ("bridge", "p1", far(3)))
    found = deal(table, SHARES, 4, before)
    assert side_of(found) == {"a": "test", "b": "train"}
    assert found.between.to_pylist() == ["bridge"]


def test_a_split_that_only_the_old_release_has_is_refused():
    before = old(("a", None, far(2), "validation"))
    with pytest.raises(SplitConflictError, match="validation"):
        deal(links(("a", None, far(2))), SHARES, 4, before)


SPLIT = CONFIG.model_copy(update={"splits": {"train": 0.5, "test": 0.5}})


def test_a_release_with_splits_is_sound_and_its_successor_keeps_them(tmp_path):
    store = LocalStore(tmp_path)
    rows = make_rows(store, images=12)
    workspace = Workspace(store)
    rows.append(workspace)
    compute_labels(workspace, rows.selection, "run-1")
    build_release(workspace, rows.selection, SPLIT)
    folder = released_folder(workspace)
    assert verify(folder).ok
    first = sides_in(folder)
    assert set(first.values()) == {"train", "test"}
    before = len(rows.pairs)
    for number in range(12, 20):
        add_real_image(store, rows, number)
    more = [sentence for pair in rows.pairs[before:] for sentence in sentences(pair)]
    append(workspace, rows.images[-8:])
    append(workspace, rows.origins[-8:])
    append(workspace, rows.pairs[before:])
    append(workspace, more)
    append(workspace, [vote for n, sentence in enumerate(more) for vote in answers(sentence, n)])
    compute_labels(workspace, rows.selection, "run-2")
    config = SPLIT.model_copy(
        update={"version": "2.0.0", "splits": {"test": 1.0, "train": 3.0, "validation": 1.0}}
    )
    report = build_release(workspace, rows.selection, config, after=str(folder))
    second = sides_in(released_folder(workspace, config))
    assert first.items() <= second.items()
    assert len(second) > len(first)
    assert verify(released_folder(workspace, config)).ok
    after = report.manifest.splits.after
    assert after is not None
    assert (after.name, after.version) == ("small", "1.0.0")
    again = build_release(workspace, rows.selection, config, after=str(folder))
    assert not again.built


def sides_in(folder) -> dict[str, str]:
    found = {}
    for split in ("train", "test", "validation"):
        for row in table_of(folder, f"data/*/{split}-*.parquet"):
            assert found.setdefault(row["image_id"], split) == split
    return found


def test_what_is_no_release_cannot_be_gone_on_from(workspace, rows, tmp_path):
    compute_labels(workspace, rows.selection, "run-1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("nothing")
    with pytest.raises(NotAReleaseError, match="other"):
        build_release(workspace, rows.selection, CONFIG, after=str(tmp_path / "other"))
