"""Where a proxy may connect to: the configured services, at the addresses found at its start.

A name is resolved once and pinned: what DNS says later is compared and reported, never followed,
so that a name that is bound anew cannot lead a call elsewhere. Addresses of the machine's own
link (169.254.0.0/16, where clouds serve credentials, and fe80::/10), of everybody and of nobody
are refused unless they are listed as numbers.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from chainnode.errors import ConfigurationError

_PORTS: Final = {"http": 80, "https": 443}
UPSTREAMS_MAX: Final = 16
# Where clouds serve credentials beside the link: Alibaba, Azure, Oracle; Amazon and Google by IPv6.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
            *("fd00:ec2::254", "fd20:ce::254"),
        ),
    )
)
# RFC 1122 §3.2.1.3: "this network"; Linux connects it to the machine itself.
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One service; `host` as it was configured."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Upstream":
        """Read `http://host[:port]` or `https://host[:port]`.

        Raises:
            ConfigurationError: another scheme, or anything but a host and a port.

        """
        parts = urlsplit(url)
        try:
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            port = 0
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
        if not (port and parts.hostname and is_bare and parts.username is None):
            raise ConfigurationError(
                f"upstream: expected http://host:port or https://host:port, got {url[:80]!a}"
            )
        return cls(scheme=parts.scheme, host=parts.hostname, port=port)

    @property
    def literal(self) -> Address | None:
        """The address, where one was configured instead of a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """What the service is called in requests."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedUpstream:
    """A service and the addresses at which it is reached while this process lives."""

    upstream: Upstream
    addresses: tuple[Address, ...]

    def url(self, address: Address) -> httpx.URL:
        """Return where to connect to; the host in it is a number, so nobody resolves it."""
        host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  IPv6
        return httpx.URL(f"{self.upstream.scheme}://{host}:{self.upstream.port}")


async def pin(upstream: Upstream) -> PinnedUpstream:
    """Resolve a service for good.

    Raises:
        ConfigurationError: the name has no address, or one that must not be connected to.

    """
    literal = upstream.literal
    if literal is not None:
        return PinnedUpstream(upstream=upstream, addresses=(literal,))
    addresses = await resolved(upstream)
    if not addresses:
        raise ConfigurationError(f"upstream {upstream.host}: expected a name with an address")
    for address in addresses:
        if is_forbidden(address):
            raise ConfigurationError(
                f"upstream {upstream.host}: resolves to {address}, which is not a service: list"
                " the address itself if it is meant"
            )
    return PinnedUpstream(upstream=upstream, addresses=addresses)


async def resolved(upstream: Upstream) -> tuple[Address, ...]:
    """Return what DNS says of a service now, ascending; empty when it says nothing."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    texts = {str(one[4][0]).partition("%")[0] for one in found}
    return tuple(sorted(map(ipaddress.ip_address, texts), key=lambda one: (one.version, int(one))))


def is_forbidden(address: Address) -> bool:
    """Tell whether a name must not lead to this address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_forbidden(address.ipv4_mapped)
        if any(is_forbidden(one) for one in _embedded(address)):
            return True
    elif address in _THIS_NETWORK:
        return True
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)
        or address in _METADATA
    )


def _embedded(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the addresses of IPv4 to which tunnels take this one; translators' are reserved."""
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]


def is_rebound(pinned: PinnedUpstream, now: Sequence[Address]) -> bool:
    """Tell whether DNS names addresses by now that are not the pinned ones."""
    return pinned.upstream.literal is None and not set(now) <= set(pinned.addresses)
