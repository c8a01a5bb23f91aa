"""A stream of requests, answered many at a time: each that is done makes room for the next.

The event loop runs in a thread of its own, so that the caller needs none and may have one. Requests
are pulled in a further thread: reading the next image may block without holding up the answers.
"""

from collections.abc import Awaitable, Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.from_thread import start_blocking_portal
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from alignbench.models.endpoint.client import Endpoint, Session
from alignbench.models.errors import EndpointDownError, EndpointRefusedError
from alignbench.schemas.fence import Fence, current_fence
from alignbench.schemas.spending import Account, BudgetReachedError, current_account

Q = TypeVar("Q")
A = TypeVar("A")

_READ_AHEAD: Final = 4


class _Rules(NamedTuple):
    """What is asked before each attempt at a request: may it be made, and who pays for it."""

    fence: Fence
    account: Account


class _End(Enum):
    """What stands for the end of an iterator."""

    END = "end"


def answered(
    endpoint: Endpoint,
    requests: Iterator[Q],
    answer: Callable[[Session, Q], Awaitable[A]],
) -> Iterator[tuple[int, A]]:
    """Yields the answer to each request with its place from 0, in the order in which they come.

    At most the endpoint's limit of requests are in flight, a few more are read ahead, and no more
    answers than `max_concurrency` wait to be taken. Closing the iterator cancels what is in flight
    and returns when the thread that reads the requests has let go of them.

    The fence that is in force where this is called is passed before each attempt at a request; once
    it raises, nothing more is sent, and the iterator raises the same. The account that is in force
    pays for each attempt.

    Once the account has no more, the server is down or refuses every request, or the requests
    cannot be read on, nothing more is begun, and the answers to what is under way come first: they
    are paid for.

    Raises:
        BudgetReachedError: The account has no more.
        EndpointDownError: Nothing succeeded for longer than the patience.
        EndpointRefusedError: The server would refuse every other request too.
        Exception: Whatever reading the requests raised; or the fence or `answer`, after the answers
            that were ready.
    """
    return _answers(endpoint, requests, answer, _Rules(current_fence(), current_account()))


def _answers(
    endpoint: Endpoint,
    requests: Iterator[Q],
    answer: Callable[[Session, Q], Awaitable[A]],
    rules: _Rules,
) -> Iterator[tuple[int, A]]:
    send, receive = anyio.create_memory_object_stream[tuple[int, A]](
        endpoint.options.max_concurrency
    )
    with start_blocking_portal(name="endpoint") as portal:
        running = portal.start_task_soon(_work, endpoint, requests, answer, rules, send)
        while True:
            try:
                ready = portal.call(_all_ready, receive)
            except anyio.EndOfStream:
                break
            yield from ready
        running.result()


async def _all_ready(receive: MemoryObjectReceiveStream[A]) -> list[A]:
    """Waits for one and takes all that are there: a change of threads for each would cost more."""
    ready = [await receive.receive()]
    while receive.statistics().current_buffer_used:
        ready.append(receive.receive_nowait())
    return ready


async def _work(
    endpoint: Endpoint,
    requests: Iterator[Q],
    answer: Callable[[Session, Q], Awaitable[A]],
    rules: _Rules,
    send: MemoryObjectSendStream[tuple[int, A]],
) -> None:
    ending = _Ending(rules.fence)
    try:
        async with (
            send,
            endpoint.session(rules.fence, rules.account) as session,
            anyio.create_task_group() as tasks,
        ):
            await _start_all(session, requests, answer, send, tasks, ending)
    except BaseExceptionGroup as group:
        raise _first(group) from None
    if ending.reason is not None:
        raise ending.reason


class _Ending:
    """Why no more requests are begun, if it is so before their end."""

    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.reason: Exception | None = None
        self.starting = anyio.CancelScope()

    def now(self, reason: Exception) -> None:
        """Has no more begun; what is under way is paid for, and finished."""
        self.reason = self.reason or reason
        self.starting.cancel()


async def _start_all(
    session: Session,
    requests: Iterator[Q],
    answer: Callable[[Session, Q], Awaitable[A]],
    send: MemoryObjectSendStream[tuple[int, A]],
    tasks: TaskGroup,
    ending: _Ending,
) -> None:
    """Starts requests as there is room, until there are none or an end is made."""

    async def one(place: int, request: Q) -> None:
        try:
            await send.send((place, await answer(session, request)))
        except BudgetReachedError as error:
            ending.now(error)
        except (EndpointDownError, EndpointRefusedError) as error:
            session.end(error)
            ending.now(error)
        finally:
            session.slots.give_back()

    push, ahead = anyio.create_memory_object_stream[Q](_READ_AHEAD)
    session.nothing_follows = lambda: _is_at_end(ahead)
    tasks.start_soon(_read, requests, push, ending)
    place = 0
    async with ahead:
        with ending.starting:
            await session.slots.take()
            async for request in ahead:
                tasks.start_soon(one, place, request)
                place += 1
                await session.slots.take()


async def _read(requests: Iterator[Q], push: MemoryObjectSendStream[Q], ending: _Ending) -> None:
    async with push:
        while True:
            try:
                request = await anyio.to_thread.run_sync(next, requests, _End.END)
            except Exception as error:  # noqa: BLE001 - raised once the answers are in
                ending.fence()  # if it raises, nobody may keep what is under way
                ending.now(error)
                return
            if request is _End.END:
                return
            try:
                await push.send(request)
            except anyio.BrokenResourceError:  # no more are taken
                return


def _is_at_end(ahead: MemoryObjectReceiveStream[Q]) -> bool:
    """Tells whether all requests were read, and none is left to be begun."""
    state = ahead.statistics()
    return not state.open_send_streams and not state.current_buffer_used


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Returns the first error of a group: all of its tasks see the same server."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
