"""An HTTP proxy in front of any server, with the faults that networks and gateways have.

A plan says for each request what becomes of it. What has passed is written down in order, so that a
test can enumerate the calls of a run, and meet each of them with each fault.
"""

import http.client
import http.server
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_OF_THE_CONNECTION: Final = frozenset({"connection", "expect", "keep-alive", "transfer-encoding"})
_DELAY_SECONDS: Final = 0.3


class Fault(Enum):
    """What becomes of a request."""

    NONE = auto()
    """It is passed on, and so is the answer."""
    REFUSED = auto()
    """It is not carried out, and answered with 503."""
    DROPPED = auto()
    """It is not carried out, and the connection is closed without an answer."""
    LOST = auto()
    """It is carried out, and the connection is closed without an answer."""
    BAD_GATEWAY = auto()
    """It is carried out, and answered with 502."""
    TRUNCATED = auto()
    """It is carried out, and the connection is closed in the middle of the answer's body."""
    TWICE = auto()
    """It is carried out two times; the second answer is passed on."""
    DELAYED = auto()
    """It is carried out after a while, so that later requests overtake it."""
    LATE = auto()
    """It is answered with 502 at once, and carried out when `FaultProxy.release` is called."""


class Call(NamedTuple):
    """A request that came."""

    number: int
    method: str
    path: str

    @property
    def changes(self) -> bool:
        """Whether it may change something on the server."""
        return self.method not in ("GET", "HEAD", "OPTIONS")


Plan = Callable[[Call], Fault]


def healthy(_: Call) -> Fault:
    """Nothing goes wrong."""
    return Fault.NONE


def once(number: int, fault: Fault) -> Plan:
    """Returns a plan by which one request meets a fault, and no other one does."""
    return lambda call: fault if call.number == number else Fault.NONE


def every(number: int, fault: Fault) -> Plan:
    """Returns a plan by which each n-th request meets a fault."""
    return lambda call: fault if call.number % number == number - 1 else Fault.NONE


def nth_of(matches: Callable[[Call], bool], number: int, fault: Fault) -> Plan:
    """Returns a plan by which the n-th request of a kind, from 1, meets a fault, and no other."""
    found = itertools.count(1)
    return lambda call: fault if matches(call) and next(found) == number else Fault.NONE


class FaultProxy(http.server.ThreadingHTTPServer):
    """Listens on a free port of loopback, and passes on to a server what its plan lets through.

    Attributes:
        plan: May be changed at any time.
        calls: What came, in order.
        carried_out: Called when the server has answered, before the answer is passed on.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, plan: Plan = healthy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.plan = plan
        self.calls: list[Call] = []
        self.carried_out: Callable[[Call], None] = lambda _: None
        self._counting = threading.Lock()
        self._late: list[Callable[[], object]] = []

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.server_port}"

    def noted(self, method: str, path: str) -> Call:
        """Writes a request down."""
        with self._counting:
            call = Call(len(self.calls), method, path)
            self.calls.append(call)
            return call

    def begin_anew(self, plan: Plan = healthy) -> None:
        """Forgets what came, and takes another plan."""
        with self._counting:
            self.calls = []
            self.plan = plan

    def taken(self) -> int:
        """Returns how many requests came, and forgets them."""
        count = len(self.calls)
        self.begin_anew()
        return count

    def put_off(self, request: Callable[[], object]) -> None:
        """Keeps a request for later."""
        self._late.append(request)

    def release(self) -> None:
        """Carries out what is late."""
        while self._late:
            self._late.pop(0)()

    def handle_error(self, *_: object) -> None:
        """Connections that break are what this is for."""


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


_BAD_GATEWAY: Final = _Answer(502, [("Content-Type", "text/html")], b"<html>Bad Gateway</html>")


class _Request(NamedTuple):
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def carried_out_by(self, upstream: tuple[str, int]) -> _Answer:
        connection = http.client.HTTPConnection(*upstream, timeout=60)
        try:
            connection.putrequest(self.method, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in _passed_on(self.headers):
                connection.putheader(name, value)
            connection.endheaders(self.body or None)
            response = connection.getresponse()
            headers = list(_passed_on(response.getheaders()))
            return _Answer(response.status, headers, response.read())
        finally:
            connection.close()


def _passed_on(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (each for each in headers if each[0].lower() not in _OF_THE_CONNECTION)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultProxy

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = _Request(self.command, self.path, self.headers.items(), body)
        call = self.server.noted(self.command, self.path)
        fault = self.server.plan(call)
        if fault is Fault.DELAYED:
            time.sleep(_DELAY_SECONDS)
        if fault is Fault.DROPPED:
            self.close_connection = True
            return
        if fault is Fault.REFUSED:
            self._send(_Answer(503, [("Content-Type", "text/plain")], b"no"))
            return
        if fault is Fault.LATE:
            self.server.put_off(partial(request.carried_out_by, self.server.upstream))
            self._send(_BAD_GATEWAY)
            return
        answer = request.carried_out_by(self.server.upstream)
        if fault is Fault.TWICE:
            answer = request.carried_out_by(self.server.upstream)
        self.server.carried_out(call)
        if fault is Fault.LOST:
            self.close_connection = True
        elif fault is Fault.BAD_GATEWAY:
            self._send(_BAD_GATEWAY)
        else:
            self._send(answer, only_half=fault is Fault.TRUNCATED)

    def _send(self, answer: _Answer, *, only_half: bool = False) -> None:
        has_body = self.command != "HEAD" and answer.status not in (204, 304)
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if has_body:
            self.wfile.write(answer.body[: len(answer.body) // 2] if only_half else answer.body)
        if only_half:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _relay  # noqa: N815 - the names the base class calls

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


@contextmanager
def faults_before(upstream: str, plan: Plan = healthy) -> Iterator[FaultProxy]:
    """Runs a proxy before a server while the context is open."""
    with FaultProxy(upstream, plan) as proxy:
        serving = {"poll_interval": 0.01}
        thread = threading.Thread(target=proxy.serve_forever, kwargs=serving, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
