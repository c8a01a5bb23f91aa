"""Downloading images over HTTP: many at once, each within limits of time and size."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import httpcore
import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from alignbench.generators.sources.checked_network import CheckedNetwork
from alignbench.generators.sources.opt_outs import OUR_NAME, opt_out
from alignbench.models.endpoint.content_encoding import Body, PackedBodyError, TooMuchError
from alignbench.models.endpoint.pauses import asked_for
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.vocabulary import FailureKind

MAX_REDIRECTS: Final = 5

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ANSWERS: Final = frozenset({200, 203})
"""The image itself, or a proxy's copy of it."""
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_BACK_OFF: Final = wait_random_exponential(multiplier=0.5, max=30.0)
_LONGEST_ASKED: Final = 120.0
"""Most seconds that a server's wish to be left alone is waited for; beyond them the item fails."""
_HEADERS: Final = (
    ("User-Agent", f"{OUR_NAME}/{version('alignbench')}"),
    ("Accept", "image/*,*/*;q=0.5"),
    # Images are compressed already, and a compressed answer could grow past every limit.
    ("Accept-Encoding", "identity"),
)


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What a download may take.

    Attributes:
        concurrency: Downloads at the same time.
        timeout_seconds: Time for one attempt, redirects included.
        max_bytes: Bytes of one image.
        retries: Further attempts after a failure that may pass.
        respects_opt_outs: Whether an image is left where its site reserves it from machines.
    """

    concurrency: int
    timeout_seconds: float
    max_bytes: int
    retries: int
    respects_opt_outs: bool = True


class RetryableError(Exception):
    """A failure that may pass by itself.

    Attributes:
        failure: What it is if it does not.
        wait_seconds: How long the server asked to be left alone.
    """

    def __init__(self, failure: ItemFailure, wait_seconds: float = 0.0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.wait_seconds = wait_seconds


async def download_all(
    urls: Sequence[str], limits: DownloadLimits, network: CheckedNetwork
) -> list[bytes | ItemFailure]:
    """Returns the body behind each URL, or why there is none, in order.

    The proxies that the environment may name are not used: behind one, nobody could check the
    addresses that it connects to.
    """
    slots = asyncio.Semaphore(limits.concurrency)
    async with httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(),
        max_connections=limits.concurrency,
        network_backend=network,
    ) as pool:

        async def one(url: str) -> bytes | ItemFailure:
            async with slots:
                return await _download(pool, url, limits)

        return list(await asyncio.gather(*map(one, urls)))


async def _download(
    pool: httpcore.AsyncConnectionPool, url: str, limits: DownloadLimits
) -> bytes | ItemFailure:
    try:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(1 + limits.retries),
            wait=_wait,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        ):
            with attempt:
                return await _attempt(pool, url, limits)
    except (ItemError, RetryableError) as error:
        return error.failure
    raise AssertionError("tenacity ends by a result or by an exception")


async def _attempt(pool: httpcore.AsyncConnectionPool, url: str, limits: DownloadLimits) -> bytes:
    """Makes one attempt, with every failure sorted into one that may pass and one that will not."""
    try:
        async with asyncio.timeout(limits.timeout_seconds):
            return await _follow(pool, _parsed(url), limits)
    except TimeoutError:
        failure = ItemCode.DOWNLOAD_TIMED_OUT.failure(
            f"{url} was not downloaded within {limits.timeout_seconds:g} seconds."
        )
        raise RetryableError(failure) from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        reason = str(error) or type(error).__name__
        failure = ItemCode.HOST_UNREACHABLE.failure(f"{url} could not be fetched: {reason}.")
        raise RetryableError(failure) from error


async def _follow(
    pool: httpcore.AsyncConnectionPool, url: httpx.URL, limits: DownloadLimits
) -> bytes:
    for _ in range(1 + MAX_REDIRECTS):
        found = await _get(pool, url, limits)
        if isinstance(found, bytes):
            return found
        url = found
    raise ItemError(
        ItemCode.TOO_MANY_REDIRECTS.failure(f"More than {MAX_REDIRECTS} redirects, up to {url}.")
    )


async def _get(
    pool: httpcore.AsyncConnectionPool, url: httpx.URL, limits: DownloadLimits
) -> bytes | httpx.URL:
    """Returns the body, or the URL that the server sends on to."""
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), limits.timeout_seconds)
    async with pool.stream(
        "GET", target, headers=_HEADERS, extensions={"timeout": timeout}
    ) as response:
        answer = httpx.Headers(response.headers)
        if response.status in _REDIRECTS and "location" in answer:
            return _parsed(answer["location"], base=url)
        if response.status not in _ANSWERS:
            raise _status_error(url, response.status, answer)
        if limits.respects_opt_outs:
            _check_opt_out(url, answer)
        return await _body(response, answer, url, limits.max_bytes)


def _check_opt_out(url: httpx.URL, headers: httpx.Headers) -> None:
    reserved = opt_out(headers.multi_items())
    if reserved is not None:
        raise ItemError(
            ItemCode.OPTED_OUT.failure(
                f"{url} is reserved by its site ({reserved}).", FailureKind.EMPTY
            )
        )


async def _body(
    response: httpcore.Response, headers: httpx.Headers, url: httpx.URL, limit: int
) -> bytes:
    too_large = ItemError(
        ItemCode.IMAGE_TOO_LARGE.failure(f"{url} has more than the {limit:,} bytes allowed.")
    )
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    try:
        body = Body(headers.get("content-encoding", ""), limit)
        async for piece in response.aiter_stream():
            body.add(piece)
        return body.whole()
    except TooMuchError:
        raise too_large from None
    except PackedBodyError as error:
        raise ItemError(
            ItemCode.ENCODING_UNREADABLE.failure(f"The answer of {url} cannot be read: {error}.")
        ) from None


def _parsed(text: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        url = httpx.URL(text) if base is None else base.join(text)
        raw_host = url.raw_host
    except (httpx.InvalidURL, ValueError) as error:
        raise ItemError(ItemCode.URL_INVALID.failure(f"{text!r} is not a URL: {error}.")) from None
    if url.scheme not in ("http", "https") or not raw_host:
        raise ItemError(ItemCode.URL_INVALID.failure(f"{text!r} is not an http or https URL."))
    return url


def _status_error(url: httpx.URL, status: int, headers: httpx.Headers) -> Exception:
    message = f"{url} was answered with HTTP status {status}."
    if status not in _TRANSIENT:
        return ItemError(ItemCode.HTTP_STATUS.failure(message))
    asked = asked_for(headers.get("retry-after"), headers.get("date"))
    if asked > _LONGEST_ASKED:
        message += f" The server asks to be left alone for {asked:,.0f} seconds: retry after that."
    return RetryableError(ItemCode.HTTP_STATUS.failure(message), asked)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RetryableError) and error.wait_seconds <= _LONGEST_ASKED


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_seconds if isinstance(error, RetryableError) else 0.0
    return max(asked, _BACK_OFF(state))
