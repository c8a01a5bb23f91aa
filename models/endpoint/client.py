"""Asking a model server: every request is tried until it is answered or found to be at fault."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, NamedTuple, TypeVar

import anyio
import httpx

from alignbench.models.endpoint.concurrency import AdaptiveLimit, Slots
from alignbench.models.endpoint.health import Health
from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pauses import asked_for, back_off
from alignbench.models.endpoint.request import Request
from alignbench.models.endpoint.responses import (
    AttemptError,
    Blame,
    BrokenOffError,
    ErrorInAnswerError,
    MalformedAnswerError,
    Recipient,
    failure_in_answer,
    failure_of,
)
from alignbench.models.endpoint.till import Payment, Till
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.errors import ConfigError
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import ItemCode, ItemError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.spending import Account

T = TypeVar("T")

MAX_TEXT_BYTES: Final = 16 << 20
"""Most bytes of an answer in words: a long thought, with log probabilities of its tokens."""

_FEW_ATTEMPTS: Final = 3
_CONNECT_SECONDS: Final = 15.0
_EASY_SHARE: Final = 0.25
"""Share of the time limit within which an answer must come for more to be asked at once."""


class Answer(NamedTuple):
    """The body of a successful response, what it took, and how long it asks to be left alone."""

    content: bytes
    seconds: float
    attempts: int
    wait_seconds: float = 0.0


class Endpoint:
    """A model on a server. What is learned of the server's capacity is kept from stream to stream.

    Raises:
        MissingSecretError: The key is not in the environment.
        ConfigError: No model is named, or the key would travel unencrypted.
    """

    def __init__(self, options: EndpointOptions, model: str) -> None:
        if not model:
            raise ConfigError(
                f"No model is named for {options.base_url}.",
                "Set `repo` to a name that the server lists under /models.",
            )
        key = ApiKey(options)
        self.options = options
        self.recipient = Recipient(options, key, model)
        self.limit = AdaptiveLimit(
            options.min_concurrency, options.start_concurrency, options.max_concurrency
        )

    @asynccontextmanager
    async def session(self, fence: Fence, account: Account) -> AsyncIterator["Session"]:
        """Opens connections for one stream of requests, closed at its end.

        Args:
            fence: Passed before each attempt at a request.
            account: Pays for each.
        """
        options = self.options
        connections = httpx.Limits(
            max_connections=None, max_keepalive_connections=options.max_concurrency
        )
        # The whole attempt has a limit of its own; a server may think long before it writes.
        timeout = httpx.Timeout(None, connect=min(_CONNECT_SECONDS, options.timeout_seconds))
        async with httpx.AsyncClient(
            headers={"User-Agent": f"alignbench/{version('alignbench')}"},
            limits=connections,
            timeout=timeout,
            trust_env=not options.is_private,  # a proxy does not lead to this machine
        ) as client:
            yield Session(self, client, fence, Till(account, options))


class Session:
    """Open connections to an endpoint."""

    def __init__(
        self, endpoint: Endpoint, client: httpx.AsyncClient, fence: Fence, till: Till
    ) -> None:
        self.slots = Slots(endpoint.limit)
        self._endpoint = endpoint
        self._options = endpoint.options
        self._client = client
        self._fence = fence
        self._till = till
        self._health = Health(endpoint.options.patience_seconds)

    async def ask(
        self,
        path: str,
        request: Request,
        read: Callable[[Answer], T],
        *,
        most_bytes: int = MAX_TEXT_BYTES,
    ) -> T | ItemFailure:
        """Sends a request until there is an answer, or its own failure.

        Args:
            path: Below the base URL, such as `chat/completions`.
            request: What is sent.
            read: Turns an answer into a result. A `MalformedAnswerError` or `BrokenOffError` from
                it is tried again; an `ErrorInAnswerError` counts as the error of that status.
            most_bytes: Most bytes of an answer, unpacked; a longer one is not read to its end.

        Raises:
            EndpointDownError: Nothing succeeded for longer than the patience.
            EndpointRefusedError: The server would refuse every other request too.
            BudgetReachedError: The next attempt could pass the budget; it was not made.
            Exception: What the fence raised; that attempt was not made.
        """
        counted = failures = 0
        while True:
            sent_at = time.monotonic()
            try:
                async with self._till.paid(request) as payment:
                    self._fence()  # after every pause: the process may have slept in it
                    payment.sent()
                    sent_at = time.monotonic()
                    content = await self._attempt(path, request.body, most_bytes, payment)
                    seconds = time.monotonic() - sent_at
                answer = Answer(content.body, seconds, failures + 1, content.wait_seconds)
                result = self._readable(read, answer)
            except ItemError as error:
                self._health.saw_life()
                return error.failure
            except AttemptError as trouble:
                failures += 1
                counted += self._is_at_fault(trouble, sent_at)
                if counted >= min(self._options.attempts, trouble.most_attempts):
                    return trouble.failure
                await self._wait(trouble, failures, sent_at)
            else:
                self._health.saw_life()
                if self.slots.all_taken and seconds < self._options.timeout_seconds * _EASY_SHARE:
                    self._endpoint.limit.grow()
                return result

    def _is_at_fault(self, trouble: AttemptError, sent_at: float) -> bool:
        if trouble.blame is Blame.SERVER:
            return self._health.lived_since(sent_at)
        return trouble.blame is Blame.REQUEST

    async def _wait(self, trouble: AttemptError, failures: int, sent_at: float) -> None:
        if trouble.is_overload:
            self._endpoint.limit.shrink(sent_at)
        left = self._health.patience_left()
        if left <= 0:
            raise EndpointDownError(
                f"{self._options.base_url} gave no useful answer for "
                f"{self._options.patience_seconds:g} seconds. {trouble.failure.message}",
                "Check the server, then run the same command again: it asks for what is still "
                "missing. If the server only needs longer, raise patience_seconds.",
            )
        pause = back_off(
            failures, self._options.first_pause_seconds, self._options.longest_pause_seconds
        )
        # The server's wish comes first, the jitter on top of it; the end of patience is the end.
        await anyio.sleep(min(trouble.wait_seconds + pause, left))

    async def _attempt(
        self, path: str, body: bytes, most_bytes: int, payment: Payment
    ) -> "_Content":
        timeout = self._options.timeout_seconds
        try:
            with anyio.fail_after(timeout):
                return await self._exchange(path, body, most_bytes, payment)
        except httpx.ConnectTimeout:
            payment.nothing()
            raise self._unreachable("no connection in time") from None
        except TimeoutError:
            raise AttemptError(
                ItemCode.SERVER_TIMED_OUT.failure(f"No answer within {timeout:g} seconds."),
                Blame.REQUEST,
                most_attempts=_FEW_ATTEMPTS,
            ) from None
        except httpx.DecodingError as error:
            raise _malformed(self._hidden(str(error))) from None
        except httpx.RequestError as error:
            if isinstance(error, httpx.ConnectError):
                payment.nothing()
            reason = self._hidden(str(error)).rstrip(".") or type(error).__name__
            raise self._unreachable(reason) from None

    async def _exchange(
        self, path: str, body: bytes, most_bytes: int, payment: Payment
    ) -> "_Content":
        headers = {"Content-Type": "application/json", **self._endpoint.recipient.key.headers()}
        url = f"{self._options.base_url.rstrip('/')}/{path}"
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > most_bytes:
                    if response.status_code == 200:
                        raise ItemError(_too_long(most_bytes))
                    break
        wait = asked_for(response.headers.get("retry-after"), response.headers.get("date"))
        if response.status_code == 200:
            payment.answered(bytes(content))
            return _Content(bytes(content), wait)
        payment.refused(response.status_code)
        raise failure_of(response.status_code, wait, bytes(content), self._endpoint.recipient)

    def _unreachable(self, reason: str) -> AttemptError:
        failure = ItemCode.SERVER_FAILED.failure(
            f"The server could not be reached, or hung up: {reason}."
        )
        return AttemptError(failure, Blame.SERVER)

    def _readable(self, read: Callable[[Answer], T], answer: Answer) -> T:
        try:
            return read(answer)
        except MalformedAnswerError as error:
            raise _malformed(self._hidden(str(error))) from None
        except BrokenOffError as error:
            raise AttemptError(
                error.failure, Blame.REQUEST, most_attempts=_FEW_ATTEMPTS, is_overload=False
            ) from None
        except ErrorInAnswerError as error:
            trouble = failure_in_answer(
                error.content, answer.wait_seconds, self._endpoint.recipient
            )
            raise trouble or _malformed("there is neither an answer nor an error in it") from None

    def _hidden(self, text: str) -> str:
        return self._endpoint.recipient.key.hidden_in(text)


class _Content(NamedTuple):
    """The body of a response of status 200, and how long it asks to be left alone."""

    body: bytes
    wait_seconds: float


def _too_long(most_bytes: int) -> ItemFailure:
    return ItemCode.ANSWER_TOO_LONG.failure(
        f"The server's answer is longer than {most_bytes:,} bytes."
    )


def _malformed(reason: str) -> AttemptError:
    return AttemptError(
        ItemCode.ANSWER_MALFORMED.failure(f"The server's answer cannot be read: {reason}."),
        Blame.REQUEST,
        most_attempts=_FEW_ATTEMPTS,
        is_overload=False,
    )
