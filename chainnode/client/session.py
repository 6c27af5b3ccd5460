"""What all plans of one client share: nodes, trust, memory, and how an answer is taken or refused.

No I/O: a request goes out by `yield`. A node whose answer fails a check is reported by name and
the next one is asked; nothing a node says is believed without its proof.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, assert_never
from urllib.parse import urlsplit

from chainnode.client.exchange import Answer, Elapsed, Exchange, Pause, Plan, Unreachable
from chainnode.client.memory import HeightMemory
from chainnode.client.nonces import NonceCounter
from chainnode.client.reports import (
    CannotDecide,
    NodeBehind,
    NodeLied,
    NodeRefused,
    NodeReport,
    NodeUnreachable,
)
from chainnode.errors import ConfigurationError
from chainnode.suites.port import PrivateKey
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import EVIDENCE_BYTES_MAX, JsonObject, as_text, read_object
from chainnode.verify.trust import Trust

REQUEST_TIMEOUT_S = 5.0
# A node that lags a little catches up within this many rounds over all nodes.
ROUNDS_MAX = 4
ROUND_PAUSE_S = 0.25
# Old reports of one call are dropped; a caller reads the last ones.
REPORTS_MAX = 64
NODES_MAX = 64
_HTTP_OK = 200
_HTTP_SUCCESS = range(200, 300)
Checked = TypeVar("Checked")


class Behind(Exception):
    """The answer is genuine but older than what this client knows; the node is asked again."""


class Unhelpful(Exception):
    """The node says itself that it cannot answer this; `code` is its reason."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Reports:
    """What the nodes of one call did, bounded."""

    def __init__(self) -> None:
        self._reports: list[NodeReport] = []

    def add(self, report: NodeReport) -> None:
        """Add one; the same one twice in a row is kept once."""
        if not self._reports or self._reports[-1] != report:
            self._reports.append(report)
            del self._reports[:-REPORTS_MAX]

    @property
    def all(self) -> tuple[NodeReport, ...]:
        """All reports so far, oldest first."""
        return tuple(self._reports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that may go to any node."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = REQUEST_TIMEOUT_S

    def to(self, node: str) -> Exchange:
        """Address the request to one node."""
        return Exchange(
            node=node,
            method=self.method,
            path=self.path,
            headers=self.headers,
            body=self.body,
            timeout_s=self.timeout_s,
            bytes_max=EVIDENCE_BYTES_MAX,
        )


def system_ms() -> int:
    """Return the system clock in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True, kw_only=True)
class Session:
    """State of one client. Thread-safe: what changes is behind its own lock."""

    nodes: tuple[str, ...]
    trust: Trust
    memory: HeightMemory
    key: PrivateKey | None = field(default=None, repr=False)
    now_ms: Callable[[], int] = system_ms
    monotonic_s: Callable[[], float] = time.monotonic
    nonces: NonceCounter = field(default_factory=NonceCounter)
    _preferred: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.nodes = tuple(checked_url(one) for one in self.nodes)
        if not 1 <= len(self.nodes) <= NODES_MAX or len(set(self.nodes)) != len(self.nodes):
            raise ConfigurationError(
                f"nodes: expected 1 to {NODES_MAX} different URLs, got {len(self.nodes)}"
            )
        known = self.memory.highest
        if known is not None:
            self._learn(known.trust)

    def use_key(self, key: PrivateKey) -> None:
        """Sign with another key from now on; its nonces are asked for."""
        self.key = key
        self.nonces = NonceCounter()

    def ordered(self) -> Iterator[str]:
        """Yield all nodes, beginning with the one that was of use last."""
        with self._lock:
            start = self._preferred
        yield from self.nodes[start:]
        yield from self.nodes[:start]

    def prefer(self, node: str) -> None:
        """Begin with this node the next time."""
        with self._lock:
            self._preferred = self.nodes.index(node)

    def turn_from(self, node: str) -> None:
        """Begin with the node after this one the next time."""
        with self._lock:
            self._preferred = (self.nodes.index(node) + 1) % len(self.nodes)

    def observe(self, header: CertifiedHeader) -> None:
        """Remember a verified header, and the epochs that led to it.

        Raises:
            ChainForked: it contradicts another verified one of the same height.

        """
        self.memory.observe(header)
        self._learn(header.trust)

    def _learn(self, trust: Trust) -> None:
        """Know from now on where earlier epochs ended: what exceeds them counts no more."""
        if max(trust.epochs) > max(self.trust.epochs):
            self.trust = trust

    def require_current(self, header: CertifiedHeader) -> None:
        """Refuse a verified header that is older than one seen before, and remember it.

        Raises:
            Behind: it is older.
            ChainForked: it contradicts a verified one.

        """
        if self.memory.is_behind(header.height):
            known = self.memory.highest
            raise Behind(
                f"height {header.height}, older than {known.height if known else 0} seen before"
            )
        self.observe(header)

    def attempt(
        self, node: str, ask: Ask, check: Callable[[JsonObject], Checked]
    ) -> Plan[Checked | NodeReport]:
        """Ask one node; a report says why it was no help."""
        reply = yield ask.to(node)
        try:
            match reply:
                case Unreachable(reason=reason):
                    return NodeUnreachable(node=node, detail=reason)
                case Answer(status=status, body=body) if status in _HTTP_SUCCESS:
                    return check(read_object(body))
                case Answer():
                    return refusal(node, reply)
                case Elapsed():
                    return NodeUnreachable(node=node, detail="no answer")
                case _:
                    assert_never(reply)
        except (Behind, Unhelpful, InvalidEvidence) as error:
            return _no_help(node, error)

    def first_checked(
        self, ask: Ask, check: Callable[[JsonObject], Checked], reports: Reports
    ) -> Plan[Checked]:
        """Ask the nodes in turn until one answer survives `check`.

        Only when a node was merely behind, all are asked again after a pause.

        Raises:
            CannotDecide: no answer survived.

        """
        for round_number in range(ROUNDS_MAX):
            some_behind = False
            for node in tuple(self.ordered()):
                found = yield from self.attempt(node, ask, check)
                if not isinstance(found, NodeReport):
                    self.prefer(node)
                    return found
                reports.add(found)
                some_behind = some_behind or isinstance(found, NodeBehind)
            if not some_behind:
                break
            if round_number + 1 < ROUNDS_MAX:
                yield Pause(seconds=ROUND_PAUSE_S)
        raise CannotDecide(reports.all)


def _no_help(node: str, error: Behind | Unhelpful | InvalidEvidence) -> NodeReport:
    """Say by which of its own words or proofs a node was no help."""
    match error:
        case Behind():
            return NodeBehind(node=node, detail=str(error))
        case Unhelpful():
            return NodeRefused(
                node=node, status=_HTTP_OK, code=error.code, detail=f"cannot answer: {error.code}"
            )
        case _:
            return NodeLied(node=node, check=error.check, detail=str(error))


def refusal(node: str, answer: Answer) -> NodeRefused:
    """Read the problem document of an error answer; it is only a node's word."""
    code = f"HTTP_{answer.status}"
    try:
        told = read_object(answer.body).get("code")
        code = as_text(told, "code", characters_max=64) if told is not None else code
    except UnreadableEvidence:
        pass
    return NodeRefused(
        node=node,
        status=answer.status,
        code=code,
        detail=f"refused: {ascii(code)[1:-1]}",
        retry_after_s=answer.retry_after_s,
    )


def checked_url(url: str) -> str:
    """Return a base URL without its last slash.

    Raises:
        ConfigurationError: not http or https, or with user, query or fragment.

    """
    parts = urlsplit(url)
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        raise ConfigurationError(
            f"node: expected http(s)://host:port without user or query, got {url[:80]!r}"
        )
    return url.rstrip("/")


def hash_names(trust: Trust, digest: bytes) -> str:
    """Return a digest as HTTP shows it: `<hash>:<lower hex>`."""
    return f"{trust.suite.hash_name}:{digest.hex()}"


def open_session(
    nodes: Sequence[str],
    trust: Trust,
    key: PrivateKey | None,
    state_file: Path | None,
    now_ms: Callable[[], int],
) -> Session:
    """Return the session of a new client, which remembers in `state_file` if there is one."""
    memory = HeightMemory(trust=trust, path=state_file)
    return Session(nodes=tuple(nodes), trust=trust, memory=memory, key=key, now_ms=now_ms)
