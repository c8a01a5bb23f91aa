"""Asking a model server: every request is tried until it is answered or found to be at fault."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, NamedTuple, TypeVar

import anyio
import httpx

from alignbench.models.endpoint.concurrency import AdaptiveLimit, Slots
from alignbench.models.endpoint.exchange import FEW_ATTEMPTS, Exchange
from alignbench.models.endpoint.health import Health
from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.pauses import back_off
from alignbench.models.endpoint.request import Request
from alignbench.models.endpoint.responses import (
    AttemptError,
    Blame,
    BrokenOffError,
    ErrorInAnswerError,
    MalformedAnswerError,
    Recipient,
    failure_in_answer,
    malformed,
)
from alignbench.models.endpoint.till import Till
from alignbench.models.errors import EndpointDownError
from alignbench.schemas.errors import AlignBenchError, ConfigError
from alignbench.schemas.fence import Fence
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.protocols import ItemFailure
from alignbench.schemas.spending import Account

T = TypeVar("T")

MAX_TEXT_BYTES: Final = 16 << 20
"""Most bytes of an answer in words: a long thought, with log probabilities of its tokens."""

_CONNECT_SECONDS: Final = 15.0
_EASY_SHARE: Final = 0.25
"""Share of the time limit within which an answer must come for more to be asked at once."""

_FEW_OPEN: Final = 16
"""So many requests under way may be what is wrong, rather than their server."""
_LISTS_NO_MODELS: Final = frozenset({404, 405, 501})
"""HTTP statuses of a server that is there but has no list of models."""


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
    """What the requests of one stream share: connections, places, and what was seen of the server.

    Attributes:
        slots: The places for requests in flight.
        nothing_follows: Tells whether the last request of the stream is under way.
    """

    def __init__(
        self, endpoint: Endpoint, client: httpx.AsyncClient, fence: Fence, till: Till
    ) -> None:
        self.slots = Slots(endpoint.limit)
        self._endpoint = endpoint
        self._options = endpoint.options
        self._exchange = Exchange(client, endpoint.recipient)
        self._fence = fence
        self._till = till
        self._health = Health(endpoint.options.patience_seconds)
        self._clearing = anyio.Lock()
        self._end: AlignBenchError | None = None
        self._has_ended = anyio.Event()
        self.nothing_follows: Callable[[], bool] = lambda: False

    def end(self, reason: AlignBenchError) -> None:
        """Lets the attempts under way be the last; whatever would be sent raises the reason."""
        self._end = reason
        self._has_ended.set()

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
            AlignBenchError: What the session was ended for; nothing was sent since.
            Exception: What the fence raised; that attempt was not made.
        """
        counted = failures = 0
        begun_at = sent_at = time.monotonic()
        while True:
            sent_before, sent_at = sent_at, time.monotonic()
            try:
                async with self._till.paid(request) as payment:
                    if self._end is not None:
                        raise self._end
                    self._fence()  # after every pause: the process may have slept in it
                    payment.sent()
                    sent_at = time.monotonic()
                    content = await self._exchange.attempt(path, request.body, most_bytes, payment)
                    seconds = time.monotonic() - sent_at
                answer = Answer(content.body, seconds, failures + 1, content.wait_seconds)
                result = self._readable(read, answer)
            except ItemError as error:
                self._health.saw_life()
                return error.failure
            except AttemptError as trouble:
                failures += 1
                counted += self._is_at_fault(trouble, sent_before, sent_at)
                if counted >= min(self._options.attempts, trouble.most_attempts):
                    return trouble.failure
                if await self._server_is_cleared(trouble, begun_at):
                    return trouble.failure
                await self._wait(trouble, failures, sent_at)
            else:
                self._health.saw_life()
                if self.slots.all_taken and seconds < self._options.timeout_seconds * _EASY_SHARE:
                    self._endpoint.limit.grow()
                return result

    def _is_at_fault(self, trouble: AttemptError, sent_before: float, sent_at: float) -> bool:
        match trouble.blame:
            case Blame.SERVER:
                return self._health.lived_since(sent_at)
            case Blame.UNCLEAR:
                return not self._health.has_lived or self._health.lived_since(sent_before)
            case Blame.REQUEST:
                return True
            case Blame.NOBODY:
                return False

    async def _server_is_cleared(self, trouble: AttemptError, begun_at: float) -> bool:
        """Tells whether a request is to blame although nothing else was answered meanwhile.

        Asked when patience is over. One bad request may be all that is left, or hold the last place
        there is: then nobody else is served, and yet the server is not down.
        """
        async with self._clearing:  # several may come to the end of their patience at once
            if self._health.was_cleared_since(begun_at):
                return True
            if self._health.patience_left() > 0 or self._health.was_cleared:
                return False
            if self.slots.in_use > _FEW_OPEN:
                return False
            nothing_follows = self.nothing_follows()
            if trouble.blame is Blame.NOBODY and not nothing_follows:
                return False  # more would only be too many again
            status = await self._exchange.status_of_models()
            served_all_others = self._health.has_lived and nothing_follows
            if status != 200 and not (served_all_others and status in _LISTS_NO_MODELS):
                return False
            self._health.clear_the_server()
            return True

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
        with anyio.move_on_after(min(trouble.wait_seconds + pause, left)):
            await self._has_ended.wait()

    def _readable(self, read: Callable[[Answer], T], answer: Answer) -> T:
        try:
            return read(answer)
        except MalformedAnswerError as error:
            raise malformed(self._hidden(str(error)), FEW_ATTEMPTS) from None
        except BrokenOffError as error:
            raise AttemptError(
                error.failure, Blame.REQUEST, most_attempts=FEW_ATTEMPTS, is_overload=False
            ) from None
        except ErrorInAnswerError as error:
            trouble = failure_in_answer(
                error.content, answer.wait_seconds, self._endpoint.recipient
            )
            nothing = malformed("there is neither an answer nor an error in it", FEW_ATTEMPTS)
            raise trouble or nothing from None

    def _hidden(self, text: str) -> str:
        return self._endpoint.recipient.key.hidden_in(text)
