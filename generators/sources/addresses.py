"""Which internet addresses may be connected to.

A list of URLs is input from outside. Without a check it could make this machine fetch from its own
network what nobody outside may see: a cloud's metadata service, a router, a server on loopback.
"""

import ipaddress
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that IPv6 gives out for the public internet (RFC 4291, section 2.4, and IANA's registry)."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses as an IPv6-only network sees them (RFC 6052)."""

_REFUSED_6: Final = (
    ipaddress.IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4, which holds any IPv4 address
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637), unknown to Python 3.11
)
_REFUSED_4: Final = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays
)


def is_public(address: IPAddress) -> bool:
    """Tells whether an address is one machine on the public internet.

    Not public are private, shared, loopback, link-local, multicast, reserved, unspecified and
    documentation addresses, and 6to4 and Teredo. An IPv4 address inside an IPv6 one (mapped, or
    through NAT64) is judged itself.
    """
    address = _unwrapped(address)
    if isinstance(address, ipaddress.IPv6Address):
        refused = any(address in network for network in _REFUSED_6)
        return address in _GLOBAL_UNICAST and address.is_global and not refused
    refused = any(address in network for network in _REFUSED_4)
    return address.is_global and not (address.is_multicast or address.is_reserved or refused)


def _unwrapped(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
