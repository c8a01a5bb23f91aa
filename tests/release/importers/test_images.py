"""Images of an imported set: from a folder, by URL, or not at all."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from alignbench.flows.imports import import_set
from alignbench.flows.intake.imported_images import FetchedImages, FolderImages
from alignbench.release.errors import ReleaseExistsError
from alignbench.release.verify.verify import verify
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import sha256_hex
from tests.release.benchmark import png
from tests.release.importers.specimens import DRAWN, FULL, RIGHT, lines
from tests.release.importers.test_contract import rows_of


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "images" / "sd").mkdir(parents=True)
    (folder / "1.png").write_bytes(png(1))
    (folder / "images" / "sd" / "0.png").write_bytes(png(2))
    return folder


@pytest.fixture
def site(pictures: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(pictures))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def file_of(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "halcap.jsonl"
    path.write_text(lines(*records), encoding="utf-8")
    return path


def test_images_of_a_folder_are_embedded_under_the_hash_of_their_bytes(tmp_path, pictures):
    path = file_of(tmp_path, FULL, RIGHT, DRAWN, {**DRAWN, "image_path_in_repo": "images/sd/9.png",
                                                  "image_name": "9.png"})  # fmt: skip
    without = import_set("alignbench", [path], str(tmp_path / "a"))
    done = import_set("alignbench", [path], str(tmp_path / "b"), FolderImages(pictures))
    assert verify(done.address).findings == ()
    assert done.manifest.counts.images.embedded == 2
    rows = rows_of(Path(done.address))
    for row in rows:
        if row["image"] is not None:
            assert sha256_hex(row["image"]["bytes"]) == row["image_id"]
            assert "image_id_from_locator" not in row["flags"]
    assert [item.origin for item in done.notes.unplaced if item.why.startswith("no image")] == [
        "9.png"
    ]
    # Scores go by sentence_id, so it must not depend on whether the images were at hand.
    ids = {row["sentence_id"] for row in rows}
    assert ids == {row["sentence_id"] for row in rows_of(Path(without.address))}


def test_images_are_fetched_by_url_through_the_checked_network(tmp_path, site):
    records = [{**FULL, "image_url": f"{site}/1.png"}, {**DRAWN, "image_url": f"{site}/none.png"}]
    path = file_of(tmp_path, *records)
    fetched = FetchedImages(allow_private_addresses=True)
    done = import_set("alignbench", [path], str(tmp_path / "a"), fetched)
    assert done.manifest.counts.images.embedded == 1
    assert done.manifest.imported.unplaced == {"no image (AB-G45)": 1}
    refused = import_set("alignbench", [path], str(tmp_path / "b"), FetchedImages())
    assert refused.manifest.counts.images.embedded == 0
    assert refused.manifest.imported.unplaced == {"no image (AB-G41)": 2}


def test_an_image_that_is_none_is_named(tmp_path, pictures):
    (pictures / "1.png").write_bytes(b"no image")
    path = file_of(tmp_path, FULL)
    done = import_set("alignbench", [path], str(tmp_path / "a"), FolderImages(pictures))
    assert done.manifest.imported.unplaced == {"no image (AB-G10)": 1}


def test_a_folder_of_images_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        FolderImages(tmp_path / "nowhere")


def test_nothing_at_the_target_is_overwritten(tmp_path):
    path = file_of(tmp_path, FULL)
    (tmp_path / "full" / "1.0.0").mkdir(parents=True)
    (tmp_path / "full" / "1.0.0" / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseExistsError, match=r"mine\.txt"):
        import_set("alignbench", [path], str(tmp_path / "full" / "1.0.0"))
    assert [p.name for p in (tmp_path / "full" / "1.0.0").iterdir()] == ["mine.txt"]
    import_set("alignbench", [path], str(tmp_path / "mine"))
    path.write_text(lines(FULL, RIGHT))
    with pytest.raises(ReleaseExistsError, match="other content"):
        import_set("alignbench", [path], str(tmp_path / "mine"))


def test_a_target_that_ends_in_no_name_is_bad_usage(tmp_path):
    with pytest.raises(UsageError, match="NAME/VERSION"):
        import_set("alignbench", [file_of(tmp_path, FULL)], str(tmp_path / "a name"))
