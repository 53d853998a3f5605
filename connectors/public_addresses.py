"""Which addresses of the internet a message may go to, and a resolver that gives no others.

Whoever may write an address into the file could make this machine call services that only it can reach (server-side
request forgery). So a name is resolved once, what it resolves to is checked, and the connection goes to what was
checked: a name that resolves to something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NOT_REAL = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10")
)
"""IPv6 networks whose addresses carry an IPv4 address that the packet may end at, and the old site-local one."""


class PrivateAddress(OSError):
    """A name or address leads to a network that is not the public internet."""


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet, unicast. False for what is no address."""
    try:
        address: IPAddress = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _NOT_REAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class PublicResolver(AbstractResolver):
    """Resolves a name, and refuses it when any of its addresses is not public.

    Parameters
    ----------
    resolver
        Does the resolving; the operating system's without one.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises PrivateAddress, or OSError where the name is not known."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise PrivateAddress("not a public address")
        return found

    async def close(self) -> None:
        await self._resolver.close()
