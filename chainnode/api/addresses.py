"""How fast one address may ask: a bucket for reads, one for submissions, one for `/metrics`.

What a key may have waiting is limited elsewhere, in the mempool; here nobody has said yet who
asks. An address is what the server says that it is: X-Forwarded-For counts only where a proxy is
trusted by the node's settings (`chainnode.api.server`). Loop thread only; no address is logged.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, cast

from starlette.requests import Request

from chainnode.api.problems import Problem
from chainnode.config import ApiLimits
from chainnode.rates import Buckets, Rate

READS: Final = "reads"
SUBMISSIONS: Final = "submissions"
METRICS: Final = "metrics"
DOORS: Final = (READS, SUBMISSIONS, METRICS)
# Addresses that are remembered for each door, some 10 MB in all; more stay below the totals of
# the gate, whatever each of them does.
ADDRESSES_MAX: Final = 16_384
# What a household or an office gets of IPv6; it may change the rest with every request.
_PREFIX_BITS: Final = 64
# Several watchmen behind one address; figures of readers must not keep them out, nor they readers.
_METRICS_PER_S: Final = 5
_METRICS_BURST: Final = 50
_RETRY_AFTER_S_MAX: Final = 60
# Who stands where there is no address that could be read.
_NAMELESS: Final = ""
# They say that the process is there; whoever restarts it by them must never be told to wait.
_FREE: Final = frozenset({"/healthz", "/readyz"})


class Addresses:
    """The buckets of every address that asked lately."""

    def __init__(self, limits: ApiLimits, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._unlimited = limits.unlimited
        rates = {
            READS: (limits.reads_per_s, limits.reads_burst),
            SUBMISSIONS: (limits.submissions_per_s, limits.submissions_burst),
            METRICS: (_METRICS_PER_S, _METRICS_BURST),
        }
        self._buckets = {
            door: Buckets(Rate(per_second=per_s, burst=burst), names_max=ADDRESSES_MAX)
            for door, (per_s, burst) in rates.items()
            if per_s
        }
        self.refused: Counter[str] = Counter(dict.fromkeys(DOORS, 0))

    @property
    def known(self) -> int:
        """How many buckets are in use."""
        return sum(len(one) for one in self._buckets.values())

    def admit(self, request: Request) -> None:
        """Take one request of its address.

        Raises:
            Problem: `ADDRESS_QUOTA`, with the seconds after which one is let in again.

        """
        door = _door(request)
        buckets = None if door is None else self._buckets.get(door)
        if door is None or buckets is None or self._is_unlimited(request):
            return
        now_s = self._now_s()
        name = client_name(request)
        wait_s = buckets.wait_s(name, 1, now_s=now_s)
        if wait_s:
            self.refused[door] += 1
            # Nothing is taken, but who asks in vain is not forgotten for it.
            buckets.charge(name, 0, now_s=now_s)
            raise Problem("ADDRESS_QUOTA", retry_after_s=min(wait_s, _RETRY_AFTER_S_MAX))
        buckets.take(name, 1, now_s=now_s)

    def _is_unlimited(self, request: Request) -> bool:
        address = _address(_host(request))
        return address is not None and any(address in one for one in self._unlimited)


def client_name(request: Request) -> str:
    """Return by what a client is known: its IPv4 address, or the first half of its IPv6 address."""
    address = _address(_host(request))
    if address is None:
        return _NAMELESS
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _PREFIX_BITS), strict=False))


def _door(request: Request) -> str | None:
    path = request.scope["path"]
    if path in _FREE:
        return None
    if path == "/metrics":
        return METRICS
    is_submission = path == "/v1/submissions" and request.method == "POST"
    return SUBMISSIONS if is_submission else READS


def _host(request: Request) -> str:
    client = cast("tuple[str, int] | None", request.scope.get("client"))
    return "" if client is None else client[0]


@lru_cache(maxsize=4096)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address; one of IPv4 that came over an IPv6 socket is that of IPv4."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
