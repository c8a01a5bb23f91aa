"""How many requests are in flight: more while all is well, fewer when the server objects.

Additive increase and multiplicative decrease with a slow start, as in TCP congestion control
(RFC 5681, section 3.1): the limit doubles with each round of successes until the first objection,
from then on it grows by one a round. An objection takes three tenths of it (RFC 9438, section 4.6):
half would leave a server idle for many rounds.
"""

import math
import time
from typing import Final

import anyio

_DECREASE: Final = 0.7


class AdaptiveLimit:
    """A limit between bounds, learned from what the server makes of it.

    It outlives event loops: what was learned in one stream of requests holds for the next.
    """

    def __init__(self, least: int, start: int, most: int) -> None:
        self._least = float(least)
        self._most = float(most)
        self._value = float(min(max(start, least), most))
        self._is_starting = True
        self._lowered_at = -math.inf

    @property
    def value(self) -> int:
        """How many requests may be in flight now."""
        return int(self._value)

    def grow(self) -> None:
        """Learns of a success while the limit was used up."""
        step = 1.0 if self._is_starting else 1.0 / self._value
        self._value = min(self._most, self._value + step)

    def shrink(self, sent_at: float) -> None:
        """Learns of an objection to a request that was sent at that time.

        Requests that were on their way when the limit was last lowered tell nothing new.
        """
        if sent_at < self._lowered_at:
            return
        self._value = max(self._least, self._value * _DECREASE)
        self._is_starting = False
        self._lowered_at = time.monotonic()


class Slots:
    """The places for requests in flight of one stream.

    A request keeps its place while it waits to be tried again, so that a server in trouble is not
    sent ever more.
    """

    def __init__(self, limit: AdaptiveLimit) -> None:
        self._limit = limit
        self._freed = anyio.Event()
        self._in_use = 0

    async def take(self) -> None:
        """Waits for a free place; only one task may call this."""
        while self._in_use >= self._limit.value:
            self._freed = anyio.Event()
            await self._freed.wait()
        self._in_use += 1

    def give_back(self) -> None:
        """Frees a place."""
        self._in_use -= 1
        self._freed.set()

    @property
    def in_use(self) -> int:
        """How many requests are in flight, or wait to be tried again."""
        return self._in_use

    @property
    def all_taken(self) -> bool:
        """Whether the limit is what holds further requests back."""
        return self._in_use >= self._limit.value
