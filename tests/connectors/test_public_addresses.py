"""Which addresses a message may go to: the public internet, and nothing that only this machine can reach."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.public_addresses import PrivateAddress, PublicResolver, is_public


class Fixed(AbstractResolver):
    """Resolves every name to the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::1",
    ],
)
def test_private_loopback_link_local_and_reserved_ones_do_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("text", ["", "example.org", "127.1", "0x7f000001", "2130706433", "１２７.0.0.1", "1.2.3.4.5"])
def test_what_is_no_address_does_not_pass_as_one(text: str) -> None:
    assert not is_public(text)


async def test_a_name_of_public_addresses_is_resolved() -> None:
    found = await PublicResolver(Fixed("8.8.8.8", "1.1.1.1")).resolve("example.org", 443)
    assert [one["host"] for one in found] == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::1",)])
async def test_one_private_address_is_enough_to_refuse_a_name(addresses: tuple[str, ...]) -> None:
    with pytest.raises(PrivateAddress):
        await PublicResolver(Fixed(*addresses)).resolve("rebind.example", 443)
