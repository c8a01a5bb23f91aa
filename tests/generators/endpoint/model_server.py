"""A model server on loopback that answers by a script, and notes what it was asked."""

import http.server
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from alignbench.schemas.protocols import CaptionInput


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """What was asked in words."""
        content = self.body["messages"][0]["content"]
        if isinstance(content, str):
            return content
        return "".join(part.get("text", "") for part in content)

    @property
    def image(self) -> str:
        """The image's URL."""
        content = self.body["messages"][0]["content"]
        return str(next(part["image_url"]["url"] for part in content if "image_url" in part))


@dataclass(frozen=True)
class Reply:
    """What is answered. `drop` hangs up instead, `hang` does so only when the server stops."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    hang: bool = False


def said(text: str | None, finish_reason: str = "stop", **more: Any) -> Reply:
    """A chat completion."""
    message = {"role": "assistant", "content": text} | more
    return Reply(
        {
            "object": "chat.completion",
            "model": "served-model",
            "system_fingerprint": "fp_1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        }
    )


def refused(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """An error as such servers word it."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": {"message": message, "code": code}}, status, names)


class ModelServer(http.server.ThreadingHTTPServer):
    """Answers each POST by `script`, which may be changed at any time."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script: Callable[[Asked], Reply] = lambda _: said("A caption.")
        self.asked: list[Asked] = []
        self.gets: dict[str, bytes] = {}
        self.in_flight = 0
        self.peak = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def times(self, key: Callable[[Asked], Any]) -> Counter[Any]:
        """How often each thing was asked for."""
        return Counter(map(key, self.asked))

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ModelServer

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(self.path, json.loads(data), dict(self.headers))
        server = self.server
        with server.lock:
            server.asked.append(asked)
            server.in_flight += 1
            server.peak = max(server.peak, server.in_flight)
        try:
            reply = server.script(asked)
            if reply.hang:
                server.stopping.wait(60)
        finally:
            with server.lock:
                server.in_flight -= 1
        if reply.drop or reply.hang:
            self.close_connection = True
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self._send(reply.status, body, reply.headers)

    def do_GET(self) -> None:
        found = self.server.gets.get(self.path)
        self._send(404 if found is None else 200, found or b"", {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


QUICK = {
    "timeout_seconds": 5,
    "patience_seconds": 20,
    "first_pause_seconds": 0.005,
    "longest_pause_seconds": 0.02,
}


@contextmanager
def running(port: int = 0, script: Callable[[Asked], Reply] | None = None) -> Iterator[ModelServer]:
    """A server at work, until the end of the context."""
    with ModelServer(port) as server:
        server.script = script or server.script
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def image(number: int, size: tuple[int, int] = (4, 3), image_format: str = "PNG") -> CaptionInput:
    """An image that is different for each number."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256, 7)).save(buffer, image_format)
    return CaptionInput(f"{number:064x}", buffer.getvalue())
