"""Real images, folders and HTTP servers for the tests of sources."""

import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alignbench.schemas.protocols import ItemFailureAt, SourceItem, Surroundings


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture that is different in every corner."""
    image = Image.linear_gradient("L").resize((60, 40))
    return Image.merge("RGB", [image, image.rotate(90), image.rotate(180)])


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    return encoded


@pytest.fixture(scope="session")
def png(picture: Image.Image, encode: Callable[..., bytes]) -> bytes:
    return encode(picture)


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings("here", tmp_path)


@pytest.fixture
def sort_out() -> Callable[..., tuple[list[SourceItem], list[ItemFailureAt]]]:
    """Splits what a source yields into items and failures."""

    def sorted_out(
        entries: Iterator[SourceItem | ItemFailureAt],
    ) -> tuple[list[SourceItem], list[ItemFailureAt]]:
        listed = list(entries)
        items = [entry for entry in listed if isinstance(entry, SourceItem)]
        return items, [entry for entry in listed if isinstance(entry, ItemFailureAt)]

    return sorted_out


Route = Callable[[http.server.BaseHTTPRequestHandler], None]


class Site(http.server.ThreadingHTTPServer):
    """A web server on loopback whose pages are functions; it notes what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []
        self.hosts: list[str | None] = []
        self.stopping = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.hosts.append(self.headers["Host"])
        self.server.routes[self.path](self)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()
