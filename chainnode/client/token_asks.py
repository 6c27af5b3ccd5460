"""How a custodian is asked for tokens, by gateways and auditors alike: one request, one reply."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from chainnode.client.exchange import Answer, Exchange, Plan, Reply
from chainnode.custodian.asks import (
    ANSWER_BYTES_MAX,
    HEADER,
    TOKENS_PATH,
    AskBody,
    AskTarget,
    InvalidAsk,
    PlaceTokens,
    body_of,
    problem_of,
    read_answer,
    signed_header,
)
from chainnode.errors import ConfigurationError, NodeError
from chainnode.suites.port import PrivateKey, Suite

_HTTP_OK: Final = 200


class TokensNotMade(NodeError):
    """The custodian made no tokens; `code` is its own, or says what was wrong with its answer."""

    def __init__(self, code: str, *, retry_after_s: int = 0) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        patience = f"; ask again in {retry_after_s} s" if retry_after_s else ""
        super().__init__(f"the custodian made no tokens: {code}{patience}")


def tokens_exchange(
    ask: AskBody,
    *,
    url: str,
    chain_id: bytes,
    custodian: str,
    organisation: str,
    key: PrivateKey,
    suite: Suite,
    now_ms: int,
    timeout_s: float,
) -> Exchange:
    """Return the signed request that asks a custodian for tokens; it may be sent once."""
    body = body_of(ask)
    target = AskTarget(
        chain_id=chain_id, custodian=custodian, method="POST", path=TOKENS_PATH, body=body
    )
    header = signed_header(target, organisation=organisation, key=key, suite=suite, now_ms=now_ms)
    return Exchange(
        node=url.rstrip("/"),
        method="POST",
        path=TOKENS_PATH,
        timeout_s=timeout_s,
        bytes_max=ANSWER_BYTES_MAX,
        headers=((HEADER, header), ("Content-Type", "application/json")),
        body=body,
    )


def tokens_of(reply: Reply, *, places: int, identifiers: int) -> tuple[PlaceTokens, ...]:
    """Read what a custodian replied to an ask of this size.

    Raises:
        TokensNotMade: it is no answer with tokens.

    """
    if not isinstance(reply, Answer):
        raise TokensNotMade("UNREACHABLE", retry_after_s=1)
    if reply.status != _HTTP_OK:
        code, wait_s = problem_of(reply.body)
        raise TokensNotMade(code or "REFUSED", retry_after_s=wait_s)
    try:
        return read_answer(reply.body, places=places, identifiers=identifiers)
    except InvalidAsk as error:
        raise TokensNotMade("BAD_ANSWER") from error


def require_safe_url(url: str) -> None:
    """Refuse a custodian's address over which numbers of people would travel in clear.

    Raises:
        ConfigurationError: it is neither https nor on this machine.

    """
    parts = urlsplit(url)
    is_plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or is_plain) or parts.path not in {"", "/"}:
        raise ConfigurationError(
            f"custodian: expected https://host:port (http on this machine only), got {url!r:.80}"
        )


def ask_once(exchange: Exchange) -> Plan[Reply]:
    """Send one request; a second one would be an ask of its own, with its own nonce."""
    return (yield exchange)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
