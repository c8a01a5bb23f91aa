import asyncio
import gzip
import ipaddress
import math
import re
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpcore
import pytest

from alignbench.generators.sources.addresses import IPAddress
from alignbench.generators.sources.checked_network import CheckedNetwork
from alignbench.generators.sources.download import DownloadLimits, download_all
from alignbench.generators.sources.urls import UrlsOptions, UrlsSource
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, Surroundings
from alignbench.schemas.vocabulary import FailureKind

Site = Any
Handler = BaseHTTPRequestHandler


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Callable[[Handler], None]:
    def route(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return route


def in_turn(*routes: Callable[[Handler], None]) -> Callable[[Handler], None]:
    left = list(routes)
    return lambda handler: left.pop(0)(handler)


def hang_up(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def redirect(to: str, status: int = 302) -> Callable[[Handler], None]:
    return answer(status=status, Location=to)


def source(folder: Path, urls: list[str], *, allow: bool = True, **options: object) -> UrlsSource:
    (folder / "urls.csv").write_text("url\n" + "".join(f'"{url}"\n' for url in urls))
    values: Any = {"path": "urls.csv", "timeout_seconds": 5, "retries": 2} | options
    return UrlsSource(UrlsOptions(**values), Surroundings("web", folder, allow))


def fetched(folder: Path, *urls: str, allow: bool = True, **options: object) -> list[Any]:
    made = source(folder, list(urls), allow=allow, **options)
    items = list(made.items())
    return made.read(items)  # type: ignore[arg-type]


def code(result: object) -> str:
    assert isinstance(result, ItemFailure), result
    return result.code


def test_images_are_fetched_in_the_order_asked(tmp_path: Path, site: Site, png: bytes) -> None:
    site.routes = {"/a.png": answer(png), "/b.png": answer(png + b"b")}
    urls = [site.url("/b.png"), site.url("/a.png"), site.url("/b.png")]
    assert fetched(tmp_path, *urls) == [png + b"b", png, png + b"b"]


def test_loopback_is_refused_unless_the_configuration_allows_it(
    tmp_path: Path, site: Site, png: bytes
) -> None:
    site.routes = {"/a.png": answer(png)}
    (refused,) = fetched(tmp_path, site.url("/a.png"), allow=False)
    assert code(refused) == ItemCode.ADDRESS_REFUSED
    assert "127.0.0.1" in refused.message
    assert site.asked == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::1]", "[::]",
     "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254", "10.0.0.1", "[fe80::1]"],
)  # fmt: skip
def test_no_spelling_of_a_private_host_is_connected_to(
    tmp_path: Path, site: Site, host: str
) -> None:
    (refused,) = fetched(tmp_path, site.url("/a.png", host), allow=False, retries=0)
    assert code(refused) in (ItemCode.ADDRESS_REFUSED, ItemCode.HOST_UNKNOWN, ItemCode.URL_INVALID)
    assert site.asked == []


def test_a_redirect_is_followed(tmp_path: Path, site: Site, png: bytes) -> None:
    site.routes = {
        "/a": redirect("/b?x=1", 301),
        "/b?x=1": redirect(site.url("/c", "localhost"), 307),
        "/c": answer(png),
    }
    assert fetched(tmp_path, site.url("/a")) == [png]
    assert site.asked == ["/a", "/b?x=1", "/c"]
    assert site.hosts[2] == f"localhost:{site.server_port}"


def test_a_redirect_to_a_private_address_is_refused(site: Site, png: bytes) -> None:
    """The first host counts as public here; the one that it redirects to does not."""
    site.routes = {"/a": redirect(site.url("/secret", "127.0.0.2")), "/secret": answer(png)}

    class FirstHostIsPublic(CheckedNetwork):
        async def _checked_addresses(self, host: str, port: int) -> Any:
            if host == "127.0.0.1":
                return [host]
            return await super()._checked_addresses(host, port)

    result = download(FirstHostIsPublic(allow_private=False), site.url("/a"))
    assert code(result) == ItemCode.ADDRESS_REFUSED
    assert "127.0.0.2" in result.message
    assert site.asked == ["/a"]


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirect_to_something_else_than_http_is_refused(
    tmp_path: Path, site: Site, to: str
) -> None:
    site.routes = {"/a": redirect(to)}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.URL_INVALID


def test_a_circle_of_redirects_ends(tmp_path: Path, site: Site) -> None:
    site.routes = {"/a": redirect("/a")}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.TOO_MANY_REDIRECTS
    assert len(site.asked) == 6


def test_a_passing_failure_is_tried_again(tmp_path: Path, site: Site, png: bytes) -> None:
    site.routes = {"/a": in_turn(answer(status=503), hang_up, answer(png))}
    assert fetched(tmp_path, site.url("/a")) == [png]


def test_a_lasting_failure_is_not_tried_again(tmp_path: Path, site: Site) -> None:
    site.routes = {"/a": answer(b"gone", status=404)}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.HTTP_STATUS
    assert "404" in result.message
    assert site.asked == ["/a"]


def test_the_pause_that_a_server_asks_for_is_kept(tmp_path: Path, site: Site, png: bytes) -> None:
    site.routes = {"/a": in_turn(answer(status=429, Retry_After="2"), answer(png))}
    start = time.monotonic()
    assert fetched(tmp_path, site.url("/a")) == [png]
    assert time.monotonic() - start >= 2


@pytest.mark.parametrize("status", [429, 503])
def test_the_date_that_a_server_asks_for_is_kept(
    tmp_path: Path, site: Site, png: bytes, status: int
) -> None:
    # Dates have whole seconds: this one is more than one second away, and at most two.
    until = formatdate(math.ceil(time.time()) + 1, usegmt=True)
    site.routes = {"/a": in_turn(answer(status=status, Retry_After=until), answer(png))}
    assert fetched(tmp_path, site.url("/a")) == [png]
    assert time.time() >= parsedate_to_datetime(until).timestamp()


def test_a_server_that_asks_to_be_left_alone_for_long_is_left_alone(
    tmp_path: Path, site: Site
) -> None:
    until = formatdate(time.time() + 7200, usegmt=True)
    site.routes = {"/a": answer(status=429, Retry_After=until)}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.HTTP_STATUS
    assert re.search(r"left alone for 7,(1\d\d|200) seconds", result.message)
    assert site.asked == ["/a"]


@pytest.mark.parametrize("route", [answer(status=500), hang_up])
def test_retries_come_to_an_end(
    tmp_path: Path, site: Site, route: Callable[[Handler], None]
) -> None:
    site.routes = {"/a": route}
    (result,) = fetched(tmp_path, site.url("/a"), retries=1)
    assert code(result) in (ItemCode.HTTP_STATUS, ItemCode.HOST_UNREACHABLE)
    assert len(site.asked) == 2


def test_a_body_that_trickles_is_given_up_in_time(tmp_path: Path, site: Site) -> None:
    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not handler.server.stopping.wait(0.05):  # type: ignore[attr-defined]
            handler.wfile.write(b"x")

    site.routes = {"/a": trickle}
    start = time.monotonic()
    (result,) = fetched(tmp_path, site.url("/a"), timeout_seconds=0.5, retries=0)
    assert code(result) == ItemCode.DOWNLOAD_TIMED_OUT
    assert time.monotonic() - start < 3


def test_a_body_over_the_limit_is_refused_declared_or_not(tmp_path: Path, site: Site) -> None:
    def undeclared(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while not handler.server.stopping.is_set():  # type: ignore[attr-defined]
            handler.wfile.write(bytes(65536))

    site.routes = {"/declared": answer(bytes(2000)), "/endless": undeclared}
    results = fetched(
        tmp_path, site.url("/declared"), site.url("/endless"), max_bytes=1000, retries=0
    )
    assert [code(result) for result in results] == [ItemCode.IMAGE_TOO_LARGE] * 2


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("Deflate", zlib.compress),
        ("identity, gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:500]) + gzip.compress(data[500:])),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_what_a_server_compressed_unasked_is_unpacked(
    tmp_path: Path, site: Site, png: bytes, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    site.routes = {"/a": answer(pack(png), Content_Encoding=encoding)}
    assert fetched(tmp_path, site.url("/a")) == [png]


def test_a_compressed_answer_is_unpacked_no_further_than_its_bound(
    tmp_path: Path, site: Site
) -> None:
    site.routes = {"/a": answer(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip")}
    (result,) = fetched(tmp_path, site.url("/a"), max_bytes=200_000)
    assert code(result) == ItemCode.IMAGE_TOO_LARGE


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip"])
def test_an_encoding_that_is_not_unpacked_is_named(
    tmp_path: Path, site: Site, png: bytes, encoding: str
) -> None:
    site.routes = {"/a": answer(png, Content_Encoding=encoding)}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.ENCODING_UNREADABLE
    assert encoding in result.message


@pytest.mark.parametrize("spoil", [lambda data: data[:-20], lambda data: b"no gzip" + data])
def test_a_damaged_compressed_answer_is_named(
    tmp_path: Path, site: Site, png: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    site.routes = {"/a": answer(spoil(gzip.compress(png)), Content_Encoding="gzip")}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.ENCODING_UNREADABLE


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Robots-Tag", "noai, noimageai"),
        ("X-Robots-Tag", "index, NoImageAI"),
        ("x-robots-tag", "noindex"),
        ("X-Robots-Tag", "alignbench: noai"),
        ("X-Robots-Tag", "otherbot: nofollow, *: noai"),
        ("X-Robots-Tag", "unavailable_after: 2030-01-01, noai"),
        ("tdm-reservation", "1"),
        ("Content-Usage", "train-ai=n, search=y"),
    ],
)
def test_an_image_that_its_site_reserves_is_left_unless_the_operator_says_otherwise(
    tmp_path: Path, site: Site, png: bytes, header: str, value: str
) -> None:
    site.routes = {"/a": answer(png, **{header: value})}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.OPTED_OUT
    assert result.kind is FailureKind.EMPTY  # no fault: it does not count against the run
    assert value.lower() in result.message.lower()
    assert fetched(tmp_path, site.url("/a"), respect_opt_outs=False) == [png]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Robots-Tag", "otherbot: noai"),
        ("X-Robots-Tag", "max-image-preview: none, all"),
        ("tdm-reservation", "0"),
        ("Content-Usage", "train-ai=y, search=n"),
    ],
)
def test_what_is_reserved_from_others_or_not_at_all_is_taken(
    tmp_path: Path, site: Site, png: bytes, header: str, value: str
) -> None:
    site.routes = {"/a": answer(png, **{header: value})}
    assert fetched(tmp_path, site.url("/a")) == [png]


def test_one_of_several_headers_of_that_name_is_enough(
    tmp_path: Path, site: Site, png: bytes
) -> None:
    def twice(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("X-Robots-Tag", "nofollow")
        handler.send_header("X-Robots-Tag", "noai")
        handler.send_header("Content-Length", str(len(png)))
        handler.end_headers()
        handler.wfile.write(png)

    site.routes = {"/a": twice}
    (result,) = fetched(tmp_path, site.url("/a"))
    assert code(result) == ItemCode.OPTED_OUT


def test_one_bad_url_among_good_ones_fails_alone(tmp_path: Path, site: Site, png: bytes) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        site.routes = {"/a": answer(png), "/page": answer(b"<html>", Content_Type="image/png")}
        results = fetched(
            tmp_path,
            site.url("/a"),
            f"http://127.0.0.1:{port}/",
            site.url("/page"),
            f"http://{'x' * 70}.example/",
            site.url("/a"),
            retries=0,
        )
    assert results[0] == results[4] == png
    assert code(results[1]) == ItemCode.HOST_UNREACHABLE
    assert results[2] == b"<html>"  # what it is, the check of the image will say
    assert code(results[3]) == ItemCode.HOST_UNKNOWN


def test_downloads_at_the_same_time_are_bounded(tmp_path: Path, site: Site, png: bytes) -> None:
    """Three downloads can meet at a barrier; a fourth would have to wait for one of them."""
    lock, busy, most = threading.Lock(), 0, 0
    meeting = threading.Barrier(3, timeout=10)

    def slow(handler: Handler) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        meeting.wait()
        with lock:
            busy -= 1
        answer(png)(handler)

    site.routes = {f"/{number}": slow for number in range(9)}
    results = fetched(tmp_path, *(site.url(f"/{n}") for n in range(9)), concurrency=3)
    assert results == [png] * 9
    assert most == 3


def test_a_proxy_of_the_environment_is_not_used(
    tmp_path: Path, site: Site, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    site.routes = {"/a": answer(png)}
    assert fetched(tmp_path, site.url("/a"), retries=0) == [png]


def test_over_tls_the_server_is_known_by_its_name(
    tmp_path: Path, site: Site, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificate_for("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    site.routes = {"/a": answer(png)}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    urls = [f"https://{host}:{site.server_port}/a" for host in ("localhost", "127.0.0.1")]
    right, wrong = fetched(tmp_path, *urls, retries=0)
    assert right == png
    assert code(wrong) == ItemCode.HOST_UNREACHABLE
    assert set(asked_for) == {"localhost", None}  # an address is not sent as a name
    assert site.hosts == [f"localhost:{site.server_port}"]


class NotingNetwork(httpcore.AsyncMockBackend):
    """Notes where connections go; a public address cannot be connected to in a test."""

    def __init__(self) -> None:
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
        self.hosts: list[str] = []

    async def connect_tcp(self, host: str, *args: Any, **options: Any) -> Any:
        self.hosts.append(host)
        return await super().connect_tcp(host, *args, **options)


def names(*answers: list[str]) -> Any:
    """A name server that gives another answer each time it is asked."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[IPAddress]:
        return [ipaddress.ip_address(address) for address in left.pop(0)]

    return resolve


def download(network: CheckedNetwork, url: str) -> Any:
    limits = DownloadLimits(concurrency=1, timeout_seconds=5, max_bytes=1000, retries=0)
    (result,) = asyncio.run(download_all([url], limits, network))
    return result


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    inner = NotingNetwork()
    resolve = names(["93.184.216.34"], ["127.0.0.1"])
    network = CheckedNetwork(allow_private=False, resolve=resolve, network=inner)
    assert download(network, "http://rebinding.example/a") == b"ok"
    assert inner.hosts == ["93.184.216.34"]


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    inner = NotingNetwork()
    resolve = names(["93.184.216.34", "10.0.0.1"])
    network = CheckedNetwork(allow_private=False, resolve=resolve, network=inner)
    result = download(network, "http://mixed.example/a")
    assert code(result) == ItemCode.ADDRESS_REFUSED
    assert "10.0.0.1" in result.message
    assert inner.hosts == []


def test_the_next_address_of_a_host_is_tried_if_one_does_not_answer(site: Site) -> None:
    site.routes = {"/a": answer(b"ok")}
    resolve = names(["127.0.0.9", "127.0.0.1"])
    network = CheckedNetwork(allow_private=True, resolve=resolve)
    assert download(network, site.url("/a", "twohomes.example")) == b"ok"


def certificate_for(host: str, folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key
