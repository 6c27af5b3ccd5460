"""How answers travel: bounded in bytes and time, plain, and never by way of a proxy."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chainnode.client.exchange import Answer, Elapsed, Exchange, Pause, Plan, Reply, Unreachable
from chainnode.client.transport import AsyncTransport, BlockingTransport, trusting

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept connections on a free port and let `talk` answer after the request's head."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    talk(connection)
        except OSError:
            return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        # Closing alone does not wake a thread that waits in `accept`.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def exchanged(node: str, *, timeout_s: float = 5, bytes_max: int = 100) -> Plan[Reply]:
    return (
        yield Exchange(node=node, method="GET", path="/x", timeout_s=timeout_s, bytes_max=bytes_max)
    )


@pytest.fixture(params=["blocking", "asynchronous"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Plan[Reply]], Reply]]:
    if request.param == "blocking":
        blocking = BlockingTransport(tls=TLS)
        yield blocking.run
        blocking.close()
        return

    async def whole(plan: Plan[Reply]) -> Reply:
        transport = AsyncTransport(tls=TLS)
        try:
            return await transport.run(plan)
        finally:
            await transport.close()

    yield lambda plan: asyncio.run(whole(plan))


Run = Callable[[Plan[Reply]], Reply]


def test_a_plain_answer_arrives_whole(run: Run) -> None:
    with serving(lambda to: to.sendall(OK + b"Content-Length: 2\r\n\r\n{}")) as node:
        assert run(exchanged(node)) == Answer(status=200, body=b"{}")


def test_an_answer_of_exactly_the_limit_is_whole_and_one_byte_more_is_not(run: Run) -> None:
    with serving(lambda to: to.sendall(OK + b"Content-Length: 100\r\n\r\n" + b"x" * 100)) as node:
        assert run(exchanged(node)) == Answer(status=200, body=b"x" * 100)
        assert isinstance(run(exchanged(node, bytes_max=99)), Unreachable)


def test_an_answer_without_end_is_cut(run: Run) -> None:
    def talk(to: socket.socket) -> None:
        to.sendall(OK + b"\r\n")
        while True:
            to.sendall(b"x" * 1000)

    with serving(talk) as node:
        assert isinstance(run(exchanged(node)), Unreachable)


def test_an_answer_in_drops_is_cut_at_the_whole_time(run: Run) -> None:
    stop = threading.Event()

    def talk(to: socket.socket) -> None:
        to.sendall(OK + b"Content-Length: 90\r\n\r\n")
        for _ in range(90):
            if stop.wait(0.05):
                return
            to.sendall(b"x")

    with serving(talk) as node:
        reply = run(exchanged(node, timeout_s=0.3))
        stop.set()
    assert reply == Unreachable(reason="no whole answer within 0.3 s")


def test_a_packed_answer_is_not_unpacked(run: Run) -> None:
    with serving(
        lambda to: to.sendall(OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    ) as node:
        reply = run(exchanged(node))
    assert isinstance(reply, Unreachable)
    assert "gzip" in reply.reason


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 10, OK + b"Content-Length: 9\r\n\r\nx"])
def test_what_is_no_whole_http_answer_is_unreachable(run: Run, data: bytes) -> None:
    with serving(lambda to: to.sendall(data)) as node:
        assert isinstance(run(exchanged(node)), Unreachable)


def test_nobody_there_is_unreachable(run: Run) -> None:
    with serving(lambda _: None) as node:
        pass
    assert run(exchanged(node)) == Unreachable(reason="ConnectError")


def test_a_redirect_is_handed_over_as_it_is(run: Run) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda to: to.sendall(moved)) as node:
        assert run(exchanged(node)) == Answer(status=302, body=b"")


def test_a_proxy_of_the_environment_is_not_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(lambda to: to.sendall(OK + b"Content-Length: 0\r\n\r\n")) as node:
        assert run(exchanged(node)) == Answer(status=200, body=b"")


def test_a_pause_is_a_pause() -> None:
    slept: list[float] = []

    def plan() -> Plan[Reply]:
        return (yield Pause(seconds=7))

    transport = BlockingTransport(tls=TLS, sleep=slept.append)
    assert transport.run(plan()) == Elapsed()
    assert slept == [7]
    transport.close()


def test_authorities_are_loaded_only_where_a_node_is_reached_by_tls() -> None:
    assert trusting(["http://a"], None).cert_store_stats()["x509_ca"] == 0
    assert trusting(["http://a"], None).verify_mode is ssl.CERT_REQUIRED
    assert trusting(["https://a"], None).verify_mode is ssl.CERT_REQUIRED
    assert trusting(["https://a"], TLS) is TLS


@pytest.mark.parametrize(
    ("said", "read"),
    [(b"7", 7), (b"0", 0), (b"99999", 60), (b"Wed, 21 Oct 2026 07:28:00 GMT", 0), (b"-5", 0)],
)
def test_the_patience_that_a_node_asks_for_is_read_and_bounded(
    run: Callable[[Plan[Reply]], Reply], said: bytes, read: int
) -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: " + said
    with serving(lambda connection: connection.sendall(head + b"\r\n\r\n")) as node:
        reply = run(exchanged(node))
    assert reply == Answer(status=429, body=b"", retry_after_s=read)
