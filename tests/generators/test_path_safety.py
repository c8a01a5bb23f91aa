import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench.generators.sources.paths import canonical_name, inside, read_image_file
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure

steps = st.sampled_from(["..", ".", "", "a", "out", "loop", "in", "~", "x.png", "..x", "/", "\0"])
names = st.one_of(
    st.lists(steps, max_size=8).map("/".join),
    st.text(max_size=30),
    st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3),
    st.just("a/" * 3000),
    st.just("b" * 300),
)


@pytest.fixture(scope="module")
def trap() -> Path:
    """A folder with links out of it, inside it, and in a circle; the secret lies beside it."""
    with tempfile.TemporaryDirectory() as base:
        root = Path(base).resolve() / "root"
        (root / "a").mkdir(parents=True)
        (root / "a/x.png").write_bytes(b"fine")
        (root.parent / "x.png").write_bytes(b"secret")
        (root / "out").symlink_to(root.parent)
        (root / "in").symlink_to(root / "a")
        (root / "loop").symlink_to(root / "loop")
        yield root


@settings(max_examples=500, deadline=None)
@given(name=names)
def test_no_name_leads_out_of_the_folder(trap: Path, name: str) -> None:
    result = inside_or_message(trap, name)
    if isinstance(result, str):
        assert len(result.encode()) < 10_000  # can be stored
        return
    assert trap in result.parents
    assert result == result.resolve()


@settings(max_examples=500, deadline=None)
@given(name=names)
def test_no_name_reads_what_lies_outside(trap: Path, name: str) -> None:
    result = read_image_file(trap, name)
    assert isinstance(result, ItemFailure) or result == b"fine"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../x.png", ItemCode.PATH_OUTSIDE),
        ("a/../../x.png", ItemCode.PATH_OUTSIDE),
        ("a/..", ItemCode.PATH_OUTSIDE),
        ("/etc/passwd", ItemCode.PATH_OUTSIDE),
        ("//etc/passwd", ItemCode.PATH_OUTSIDE),
        ("out/x.png", ItemCode.LINK_OUTSIDE),
        ("loop/x.png", ItemCode.PATH_INVALID),
        ("loop", ItemCode.PATH_INVALID),
        ("", ItemCode.PATH_INVALID),
        (".", ItemCode.PATH_INVALID),
        ("a\0.png", ItemCode.PATH_INVALID),
        ("\ud800.png", ItemCode.PATH_INVALID),
        ("b" * 300, ItemCode.FILE_UNREADABLE),
        ("a", ItemCode.FILE_UNREADABLE),
        ("a/y.png", ItemCode.FILE_MISSING),
        ("a/x.png/y.png", ItemCode.FILE_MISSING),
    ],
)
def test_each_way_out_or_astray_has_its_code(trap: Path, name: str, code: str) -> None:
    result = read_image_file(trap, name)
    assert isinstance(result, ItemFailure)
    assert result.code == code


@pytest.mark.parametrize("name", ["a/x.png", "./a//x.png", "in/x.png"])
def test_a_name_that_stays_inside_is_read(trap: Path, name: str) -> None:
    assert read_image_file(trap, name) == b"fine"


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    result = read_image_file(tmp_path, "pipe.png")
    assert isinstance(result, ItemFailure)
    assert result.code == ItemCode.FILE_UNREADABLE


def test_one_path_has_one_spelling() -> None:
    assert canonical_name("./a//b/./c.png") == "a/b/c.png"


def inside_or_message(root: Path, name: str) -> Path | str:
    try:
        return inside(root, name)
    except ItemError as error:
        return error.failure.message
