"""Connections that go to the very address that was checked.

The check sits below HTTP, at the moment a connection is made: every redirect and every retry passes
it, and a name server that gives another answer the second time is never asked a second time.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from alignbench.generators.sources.addresses import IPAddress, is_public
from alignbench.schemas.item_codes import ItemCode, ItemError

Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]


async def system_resolve(host: str, port: int) -> list[IPAddress]:
    """Returns the addresses of a host, in the order in which they should be tried.

    Raises:
        OSError: The host has none, or the name servers do not answer.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(address[0]) for *_, address in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """A network for httpcore that connects to public addresses only.

    A host is refused if any one of its addresses is not public.

    Args:
        allow_private: Whether every address is let through.
        resolve: How a host's addresses are found.
        network: What makes the connection.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        resolve: Resolve = system_resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to a host, trying its addresses in turn.

        Raises:
            ItemError: The host is unknown, or one of its addresses is not public.
        """
        failure: Exception | None = None
        for address in await self._checked_addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._network.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> Sequence[IPAddress]:
        try:
            addresses = await self._resolve(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise httpcore.ConnectError(f"the name servers do not answer for {host}") from error
            raise ItemError(
                ItemCode.HOST_UNKNOWN.failure(f"The host {host!r} has no address.")
            ) from None
        except UnicodeError:  # a label that is empty or longer than 63 characters
            raise ItemError(
                ItemCode.HOST_UNKNOWN.failure(f"{host!r} is not a host name.")
            ) from None
        refused = [address for address in addresses if not is_public(address)]
        if refused and not self._allow_private:
            raise ItemError(
                ItemCode.ADDRESS_REFUSED.failure(
                    f"The host {host!r} has the address {refused[0]}, which is not on the public "
                    "internet; set run.allow_private_addresses if it is yours and meant."
                )
            )
        return addresses
