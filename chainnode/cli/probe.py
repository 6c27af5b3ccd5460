"""Ask nodes how they are, over plain HTTP; answers are hostile: bounded in size and time.

Only what needs no proof is asked here (process, progress, role). Verdicts go through
`chainnode.client`.
"""

import http.client
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text

# /v1/consensus of a group of 31 with all its slots stays far below this.
ANSWER_BYTES_MAX = 4 * 1024 * 1024
# More nodes than a group can have; one thread each.
NODES_MAX = 32

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: `problem` says in words why there is no document."""

    url: str
    status: int = 0
    document: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""
    date: str = ""  # the answer's Date header: how the node's machine sees the time

    @property
    def is_ok(self) -> bool:
        """Tell whether the node answered with a document."""
        return not self.problem


def split_url(url: str) -> SplitResult:
    """Read the address of a node.

    Raises:
        UsageProblem: not http or https with a host.

    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageProblem(
            "NODE_URL",
            Text(
                f"节点地址应为 http(s)://主机:端口，收到 {url!r:.80}",
                f"--node: expected http(s)://host:port, got {url!r:.80}",
            ),
        )
    return parts


def fetch_json(base: str, path: str, *, timeout_s: float = 2.0) -> Reply:
    """GET one JSON object; never raises for what the network or the node does."""
    parts = split_url(base)
    url = base.rstrip("/") + path
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname or "",
            parts.port,
            timeout=timeout_s,
            context=ssl.create_default_context(),
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request(
            "GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"}
        )
        response = connection.getresponse()
        raw = response.read(ANSWER_BYTES_MAX + 1)
    except TimeoutError:
        return Reply(url=url, problem=f"no answer within {timeout_s:g} s")
    except (OSError, http.client.HTTPException) as error:
        return Reply(url=url, problem=_reason(error))
    finally:
        connection.close()
    reply = _read_reply(url, response.status, raw)
    return replace(reply, date=response.getheader("Date", ""))


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    return type(error).__name__


def _read_reply(url: str, status: int, raw: bytes) -> Reply:
    if len(raw) > ANSWER_BYTES_MAX:
        return Reply(url=url, status=status, problem=f"answer over {ANSWER_BYTES_MAX} bytes")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return Reply(url=url, status=status, problem=f"HTTP {status} without JSON")
    if not isinstance(document, dict):
        return Reply(url=url, status=status, problem="JSON that is not an object")
    return Reply(url=url, status=status, document=document)


def fetch_all(bases: Sequence[str], path: str, *, timeout_s: float = 2.0) -> tuple[Reply, ...]:
    """GET the same path from several nodes at once, answers in the order of `bases`."""

    def fetch(base: str) -> Reply:
        return fetch_json(base, path, timeout_s=timeout_s)

    return in_parallel(fetch, bases)


def in_parallel(function: Callable[[Item], Answer], items: Sequence[Item]) -> tuple[Answer, ...]:
    """Apply `function` to every item on threads of its own, at most `NODES_MAX` of them."""
    if not items:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(items), NODES_MAX)) as pool:
        return tuple(pool.map(function, items))
