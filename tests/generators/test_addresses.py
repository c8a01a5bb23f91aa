import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.generators.sources.addresses import IPAddress, is_public

PRIVATE_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
PRIVATE_6 = [
    "::/128", "::1/128", "100::/64", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "2002::/16",
    "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip


def within(networks: list[str]) -> st.SearchStrategy[IPAddress]:
    return st.sampled_from(networks).map(ip_network).flatmap(lambda n: st.ip_addresses(network=n))


@given(address=within(PRIVATE_4 + PRIVATE_6))
def test_no_address_of_a_special_network_is_public(address: IPAddress) -> None:
    assert not is_public(address)


@given(address=within(PRIVATE_4))
def test_a_private_address_is_not_public_in_any_ipv6_disguise(address: IPv4Address) -> None:
    number = int(address)
    disguises = [
        IPv6Address(number),  # compatible, ::a.b.c.d
        IPv6Address(0xFFFF << 32 | number),  # mapped, ::ffff:a.b.c.d
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address((0x2002 << 112) | number << 80 | 1),  # 6to4
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFF_FFFF)),  # Teredo
    ]
    assert not any(is_public(disguise) for disguise in disguises)


@given(address=st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_plain_mapped_and_through_nat64(
    address: IPv4Address,
) -> None:
    number = int(address)
    public = is_public(address)
    assert is_public(IPv6Address(0xFFFF << 32 | number)) == public
    assert is_public(IPv6Address((0x64FF9B << 96) | number)) == public


@given(address=st.ip_addresses())
def test_what_python_knows_as_special_is_never_public(address: IPAddress) -> None:
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    assert not (special and is_public(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8"],
)
def test_ordinary_hosts_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_link_local_address_with_its_interface_is_not_public() -> None:
    assert not is_public(ipaddress.ip_address("fe80::1%eth0"))
