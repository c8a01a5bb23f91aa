"""One attempt at a request: sent, and its answer read to the end, within a time and a size."""

from contextlib import suppress
from typing import Final, NamedTuple

import anyio
import httpx

from alignbench.models.endpoint.content_encoding import Body, PackedBodyError, TooMuchError
from alignbench.models.endpoint.pauses import asked_for
from alignbench.models.endpoint.responses import (
    AttemptError,
    Blame,
    Recipient,
    failure_of,
    malformed,
)
from alignbench.models.endpoint.till import Payment
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure

FEW_ATTEMPTS: Final = 3
"""So often a request may end in a way that another attempt seldom changes."""

_PROBE_SECONDS: Final = 15.0


class Content(NamedTuple):
    """The body of a response of status 200, and how long it asks to be left alone."""

    body: bytes
    wait_seconds: float


class Exchange:
    """Open connections to a server, by which requests are sent and answers come."""

    def __init__(self, client: httpx.AsyncClient, recipient: Recipient) -> None:
        self._client = client
        self._recipient = recipient
        self._address = recipient.options.base_url.rstrip("/")

    async def attempt(self, path: str, body: bytes, most_bytes: int, payment: Payment) -> Content:
        """Sends a request once, and returns its answer.

        Raises:
            AttemptError: There was none; another attempt may have more luck.
            ItemError: The server refused this request, or its answer is too long.
            EndpointRefusedError: The server would refuse every other request too.
        """
        timeout = self._recipient.options.timeout_seconds
        try:
            with anyio.fail_after(timeout):
                return await self._posted(path, body, most_bytes, payment)
        except httpx.ConnectTimeout:
            payment.nothing()
            raise self._unreachable("no connection in time") from None
        except TimeoutError:
            raise AttemptError(
                ItemCode.SERVER_TIMED_OUT.failure(f"No answer within {timeout:g} seconds."),
                Blame.REQUEST,
                most_attempts=FEW_ATTEMPTS,
            ) from None
        except PackedBodyError as error:
            raise malformed(self._hidden(str(error)), FEW_ATTEMPTS) from None
        except httpx.RequestError as error:
            if isinstance(error, httpx.ConnectError):
                payment.nothing()
            reason = self._hidden(str(error)).rstrip(".") or type(error).__name__
            raise self._unreachable(reason) from None

    async def status_of_models(self) -> int | None:
        """Asks for the list of models, which costs nothing; returns the answer's HTTP status.

        None if there was no answer.
        """
        address, headers = f"{self._address}/models", self._recipient.key.headers()
        try:
            with anyio.fail_after(_PROBE_SECONDS):
                async with self._client.stream("GET", address, headers=headers) as response:
                    return response.status_code
        except (httpx.RequestError, TimeoutError):
            return None

    async def _posted(self, path: str, body: bytes, most_bytes: int, payment: Payment) -> Content:
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
            **self._recipient.key.headers(),
        }
        address = f"{self._address}/{path}"
        async with self._client.stream("POST", address, content=body, headers=headers) as response:
            content = await _body_of(response, most_bytes)
        wait = asked_for(response.headers.get("retry-after"), response.headers.get("date"))
        if response.status_code == 200:
            payment.answered(content)
            return Content(content, wait)
        payment.refused(response.status_code)
        raise failure_of(response.status_code, wait, content, self._recipient)

    def _unreachable(self, reason: str) -> AttemptError:
        failure = ItemCode.SERVER_FAILED.failure(
            f"The server could not be reached, or hung up: {reason}."
        )
        return AttemptError(failure, Blame.SERVER)

    def _hidden(self, text: str) -> str:
        return self._recipient.key.hidden_in(text)


async def _body_of(response: httpx.Response, most_bytes: int) -> bytes:
    """Returns the answer; of a refusal, which its status explains, what can be read of it."""
    if response.status_code != 200:
        return await _as_far_as_read(response, most_bytes)
    body = Body(response.headers.get("content-encoding", ""), most_bytes)
    try:
        async for piece in response.aiter_raw():
            body.add(piece)
    except TooMuchError:
        raise ItemError(_too_long(most_bytes)) from None
    return body.whole()


async def _as_far_as_read(response: httpx.Response, most_bytes: int) -> bytes:
    try:
        body = Body(response.headers.get("content-encoding", ""), most_bytes)
    except PackedBodyError:
        return b""
    with suppress(TooMuchError, PackedBodyError):
        async for piece in response.aiter_raw():
            body.add(piece)
    return body.so_far


def _too_long(most_bytes: int) -> ItemFailure:
    return ItemCode.ANSWER_TOO_LONG.failure(
        f"The server's answer is longer than {most_bytes:,} bytes."
    )
