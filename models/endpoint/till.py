"""Paying for attempts at requests: reserved before they are sent, settled when they have ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

import anyio
from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from alignbench.models.endpoint.options import EndpointOptions
from alignbench.models.endpoint.request import Request, most_cost, priced
from alignbench.schemas.spending import NOTHING, Account, Cost

_UNAVAILABLE: Final = 503

_Count = Annotated[int, Field(ge=0)]
_Loose = Annotated[_Count | None, BeforeValidator(lambda n: n if isinstance(n, int) else None)]


class _Usage(BaseModel):
    sent: _Loose = Field(None, validation_alias=AliasChoices("prompt_tokens", "input_tokens"))
    received: _Loose = Field(
        None, validation_alias=AliasChoices("completion_tokens", "output_tokens")
    )
    total_tokens: _Loose = None


class _Answered(BaseModel):
    usage: _Usage | None = None


class Payment:
    """What one attempt costs: nothing until it is made, then the most, until more is known.

    Attributes:
        spent: What is settled when the attempt has ended.
    """

    def __init__(self, most: Cost, options: EndpointOptions) -> None:
        self._most = most
        self._options = options
        self.spent = NOTHING

    def sent(self) -> None:
        """Notes that the request is on its way."""
        self.spent = self._most

    def nothing(self) -> None:
        """Notes that nothing was sent, or that the server did nothing for it."""
        self.spent = NOTHING

    def refused(self, status: int) -> None:
        """Notes the status of an answer that is none: nobody bills what they did not take.

        A failure in the middle may come from a gateway whose server has done the work.
        """
        if status < 500 or status == _UNAVAILABLE:
            self.nothing()

    def answered(self, content: bytes) -> None:
        """Notes what the server counted, if it says so."""
        try:
            usage = _Answered.model_validate_json(content).usage
        except ValidationError:
            return
        if usage is None or usage.sent is None:
            if self._options.price_image is not None:
                self.spent = priced(Cost(), self._options)
            return
        received = usage.received or 0
        if usage.total_tokens is not None:  # some count thoughts in the total only
            received = max(received, usage.total_tokens - usage.sent)
        self.spent = priced(Cost(usage.sent, received), self._options)


class Till:
    """The payments of one stream of requests."""

    def __init__(self, account: Account, options: EndpointOptions) -> None:
        self._account = account
        self._options = options
        self._picture_tokens = options.most_image_tokens
        self._open = 0
        self._settled = anyio.Event()
        self._enlarging = anyio.Lock()

    @asynccontextmanager
    async def paid(self, request: Request) -> AsyncIterator[Payment]:
        """Reserves what an attempt can cost, and settles what it did cost.

        Where the budget has no room for it, waits until others have been settled.

        Raises:
            BudgetReachedError: There is no room, and nothing is under way that could make some.
            UnknownCostError: There is a budget, and the most is not known.
        """
        most = most_cost(request, self._options, self._picture_tokens)
        await self._reserve(most)
        payment = Payment(most, self._options)
        try:
            yield payment
        finally:
            self._settle(request, most, payment.spent)

    async def _reserve(self, most: Cost) -> None:
        while not self._account.take(most):
            settled = self._settled
            async with self._enlarging:
                if await anyio.to_thread.run_sync(self._account.enlarge, most):
                    break
            if settled.is_set():
                continue
            if not self._open:
                raise self._account.reached()
            await settled.wait()
        self._open += 1

    def _settle(self, request: Request, most: Cost, spent: Cost) -> None:
        self._open -= 1
        self._account.settle(most, spent)
        if request.pictures and spent.prompt_tokens > most.prompt_tokens:
            # The server counts more than was thought; from now on so do we.
            self._picture_tokens += spent.prompt_tokens - most.prompt_tokens
        self._settled.set()
        self._settled = anyio.Event()
