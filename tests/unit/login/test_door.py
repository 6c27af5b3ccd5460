"""Cookies, forms and headers as a browser sees them."""

import pytest

from chainnode.login import LoginRefused, PageShield, read_form
from chainnode.login.shield import BODY_BYTES_MAX, Message, Receive, Scope, Send


@pytest.mark.parametrize("body", [b"csrf=a&csrf=b", b"\xff=1", b"csrf", b"a=1&" * 65])
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(LoginRefused):
        read_form(body)


def test_a_form_keeps_empty_fields() -> None:
    assert read_form(b"a=&b=%E5%80%BC") == {"a": "", "b": "值"}
    assert read_form(b"") == {}


async def shielded(*parts: bytes) -> tuple[int, dict[bytes, bytes], int]:
    """Send a body in parts; return status, headers, and how many bytes the application saw."""
    seen = 0
    waiting: list[Message] = [
        {"type": "http.request", "body": one, "more_body": number < len(parts)}
        for number, one in enumerate(parts, start=1)
    ]
    sent: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal seen
        seen += len((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    shield = PageShield(app, logout_origin="https://login.example", is_tls=True)
    await shield({"type": "http"}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), seen


async def test_every_answer_forbids_scripts_of_others_and_being_framed() -> None:
    _, headers, _ = await shielded(b"")

    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"strict-transport-security" in headers


async def test_a_body_within_its_bound_arrives_whole() -> None:
    half = BODY_BYTES_MAX // 2

    assert (await shielded(b"x" * half, b"y" * half))[::2] == (200, 2 * half)


async def test_a_body_over_its_bound_reaches_nobody() -> None:
    status, headers, seen = await shielded(b"x" * BODY_BYTES_MAX, b"y")

    assert (status, seen) == (413, 0)
    assert b"content-security-policy" in headers
