"""A real HTTP proxy in front of a server, with the faults that gateways have."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Fault(Enum):
    """What becomes of a POST of tasks."""

    NONE = auto()
    BAD_GATEWAY_AFTER = auto()
    """It is carried out, and answered with 502."""
    DROPPED_AFTER = auto()
    """It is carried out, and the connection is closed without an answer."""
    BAD_GATEWAY_BEFORE = auto()
    """It is not carried out, and answered with 502."""
    TWICE = auto()
    """It is carried out two times."""
    LATE = auto()
    """It is answered with 502 at once, and carried out when `Proxy.release` is called."""


class Proxy(ThreadingHTTPServer):
    """Forwards to a server; the next POST of tasks meets the fault that is set."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.fault = Fault.NONE
        self.imports = 0
        self.changes: list[str] = []
        """Method and path of all requests that change something, in order."""
        self.after_import: Callable[[], None] | None = None
        self._held: list[httpx.Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forward(self, request: httpx.Request) -> httpx.Response:
        with httpx.Client(timeout=60) as client:
            return client.send(request)

    def hold(self, request: httpx.Request) -> None:
        self._held.append(request)

    def release(self) -> None:
        while self._held:
            self.forward(self._held.pop())


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        url = self.server.upstream + self.path
        if self.command != "GET":
            self.server.changes.append(f"{self.command} {self.path}")
        request = httpx.Request(self.command, url, headers=headers, content=body)
        if self.command == "POST" and "/import" in self.path:
            self.server.imports += 1
            fault, self.server.fault = self.server.fault, Fault.NONE
            self._relay_import(request, fault)
        else:
            self._answer(self.server.forward(request))

    def _relay_import(self, request: httpx.Request, fault: Fault) -> None:
        if fault is Fault.LATE:
            self.server.hold(request)
        elif fault is not Fault.BAD_GATEWAY_BEFORE:
            response = self.server.forward(request)
            if self.server.after_import is not None:
                self.server.after_import()
        if fault is Fault.TWICE:
            response = self.server.forward(request)
        if fault in (Fault.NONE, Fault.TWICE):
            self._answer(response)
        elif fault is Fault.DROPPED_AFTER:
            self.close_connection = True
        else:
            self._answer(httpx.Response(502, content=b"<html>Bad Gateway</html>"))

    def _answer(self, response: httpx.Response) -> None:
        content = response.content
        self.send_response(response.status_code)
        self.send_header("Content-Type", response.headers.get("Content-Type", "text/html"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _relay  # noqa: N815 - the names the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def proxy_to(upstream: str) -> Iterator[Proxy]:
    """Runs a proxy while the context is open."""
    proxy = Proxy(upstream)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
