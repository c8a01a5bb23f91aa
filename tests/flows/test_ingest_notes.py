"""What an operator is told of a listing besides its failures."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.odd_images import encoded, picture
from tests.flows.roads import alignbench

CONFIG = """
[[sources]]
name = "web"
kind = "urls"
path = "urls.csv"

[run]
allow_private_addresses = true
"""


class Pages(BaseHTTPRequestHandler):
    """A picture of its own behind each address; `/gone…` all lead to one, `/mine…` are reserved."""

    def do_GET(self) -> None:
        if self.path.startswith("/gone"):
            self.send_response(302)
            self.send_header("Location", "/photo_unavailable.png")
            self.end_headers()
            return
        self.send_response(200)
        if self.path.startswith("/mine"):
            self.send_header("X-Robots-Tag", "noai, noimageai")
        self.end_headers()
        shade = sum(self.path.encode()) % 256
        self.wfile.write(encoded(picture().point(lambda level: level ^ shade), "PNG"))

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ingested(root: Path, urls: list[str], more: str = "") -> tuple[int, dict[str, Any], str]:
    (root / "urls.csv").write_text("\n".join(["url", *urls]) + "\n")
    (root / "alignbench.toml").write_text(CONFIG + more)
    done = alignbench(root, "ingest", "--json")
    return done.returncode, json.loads(done.stdout), done.stderr


def test_one_picture_behind_many_urls_is_told_of_and_beyond_a_share_fails_the_run(
    tmp_path: Path, address: str
) -> None:
    good = [f"{address}/{number}.png" for number in range(12)]
    gone = [f"{address}/gone/{number}.png" for number in range(4)]
    code, report, error = ingested(tmp_path, good + gone)
    assert code == 1
    assert "AB-F11" in error
    assert report["made"] == 16
    (note,) = report["notes"]
    assert note.startswith("web: 4 of 16 URLs lead to one picture")
    more = "max_shared_picture_share = 0.5\n"
    further = [f"{address}/gone/more.png"]
    code, report, _ = ingested(tmp_path, good + gone + further, more)
    assert code == 0
    assert report["notes"][0].startswith("web: 5 of 17 URLs")


def test_images_that_sites_reserve_are_counted_and_no_failures(
    tmp_path: Path, address: str
) -> None:
    urls = [f"{address}/1.png", f"{address}/mine/1.png", f"{address}/mine/2.png"]
    code, report, _ = ingested(tmp_path, urls)
    assert (code, report["made"], report["failed"], report["empty"]) == (0, 1, 0, 2)
    assert report["notes"][0].startswith("web: 2 images left, which their sites reserve")


def test_files_passed_over_are_told_of_although_there_is_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.psd", "b.psd", "c.txt"):
        (tmp_path / "photos" / name).write_bytes(b"x")
    config = '[[sources]]\nname = "mine"\nkind = "folder"\npath = "photos"\n'
    (tmp_path / "alignbench.toml").write_text(config)
    done = alignbench(tmp_path, "ingest")
    assert done.returncode == 0
    assert "2 .psd, 1 .txt" in " ".join((done.stdout + done.stderr).split())


def test_a_source_that_lists_nothing_is_named_and_one_behind_a_limit_is_not(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "some").mkdir()
    for shade in range(2):
        data = encoded(picture().point(lambda level, shade=shade: level ^ shade), "PNG")
        (tmp_path / "some" / f"{shade}.png").write_bytes(data)
    (tmp_path / "alignbench.toml").write_text(
        "".join(
            f'[[sources]]\nname = "{name}"\nkind = "folder"\npath = "{name}"\n'
            for name in ("none", "some")
        )
    )
    done = alignbench(tmp_path, "ingest", "--limit", "1", "--json")
    assert json.loads(done.stdout)["notes"] == ["none: it lists no image"]
    again = alignbench(tmp_path, "ingest", "--json")
    assert json.loads(again.stdout)["notes"] == ["none: it lists no image"]
